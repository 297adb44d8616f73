#Requires -Version 5.1
<#
.SYNOPSIS
Installs cuDNN from a cudepot site, as pinned in its snapshot @NUMBER@.
.DESCRIPTION
-From conda   makes a conda environment of the pinned packages.
-From wheel   installs the pinned wheels into the Python on PATH.
-From zip     checks NVIDIA's zip by its SHA-256, copies it to -CudaPath, sets CUDA_PATH and PATH.
Nothing is asked; -WhatIf says what would be done.
.EXAMPLE
.\install-cudnn.ps1 -From zip -Zip .\cudnn-windows-x86_64-8.9.7.29_cuda11-archive.zip
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [ValidateSet('conda', 'wheel', 'zip')]
    [string] $From = '@FROM@',
    # The downloaded zip, for -From zip.
    [string] $Zip = '',
    # Where CUDA is, or cuDNN shall be, for -From zip.
    [string] $CudaPath = $(if ($env:CUDA_PATH) { $env:CUDA_PATH } else { "$env:ProgramFiles\NVIDIA\CUDNN" }),
    # Whose environment variables are set: 'Machine' needs an elevated shell.
    [ValidateSet('User', 'Machine')]
    [string] $Scope = 'User',
    # Name of the conda environment.
    [string] $Environment = 'cudnn'
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$Site = '@URL@'
$Channel = '@CHANNEL@'
$CondaPackages = @(@CONDA@)
# A channel that has everything is the only one to be asked, whatever the machine's conda has set.
$OtherChannels = @(@OVERRIDE@)
$Wheels = @(@WHEELS@)
$Zips = @{@ZIPS@}

function Assert-Tool([string] $Name, [string] $Hint) {
    if (-not (Get-Command $Name -ErrorAction SilentlyContinue)) { throw "$Name is not on PATH. $Hint" }
}

function Assert-Success([string] $What) {
    if ($LASTEXITCODE -ne 0) { throw "$What failed with exit code $LASTEXITCODE" }
}

function Install-FromConda {
    if ($CondaPackages.Count -eq 0) { throw 'The site has no conda packages for Windows.' }
    Assert-Tool 'conda' 'Install Miniforge, or run this in its prompt.'
    if ($PSCmdlet.ShouldProcess($Environment, "conda create: $CondaPackages")) {
        & conda create --yes --name $Environment @OtherChannels --channel "$Site/$Channel" @CondaPackages
        Assert-Success 'conda create'
    }
}

function Install-FromWheel {
    if ($Wheels.Count -eq 0) { throw 'The site has no wheels for Windows.' }
    Assert-Tool 'python' 'Install Python, or activate its environment.'
    if ($PSCmdlet.ShouldProcess('python', "pip install: $Wheels")) {
        & python -m pip install --index-url "$Site/simple/" @Wheels
        Assert-Success 'pip install'
    }
}

function Install-FromZip {
    if (-not $Zip) { throw "Name the downloaded file with -Zip. Known: $($Zips.Keys -join ', ')" }
    $found = (Get-FileHash -Algorithm SHA256 -LiteralPath $Zip).Hash.ToLowerInvariant()
    $name = $Zips.Keys | Where-Object { $Zips[$_] -eq $found }
    if (-not $name) { throw "$Zip has SHA-256 $found, which is none of the pinned files: $($Zips.Keys -join ', ')" }
    if (-not $PSCmdlet.ShouldProcess($CudaPath, "copy $name")) { return }
    $folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
    try {
        Expand-Archive -LiteralPath $Zip -DestinationPath $folder
        $top = Get-ChildItem -LiteralPath $folder -Directory | Select-Object -First 1
        foreach ($part in 'bin', 'include', 'lib') {
            $source = Join-Path $top.FullName $part
            if (Test-Path -LiteralPath $source) {
                New-Item -ItemType Directory -Force -Path (Join-Path $CudaPath $part) | Out-Null
                Copy-Item -Recurse -Force -Path (Join-Path $source '*') -Destination (Join-Path $CudaPath $part)
            }
        }
    } finally {
        Remove-Item -Recurse -Force -LiteralPath $folder -ErrorAction SilentlyContinue
    }
    Set-CudaVariables
}

function Set-CudaVariables {
    [Environment]::SetEnvironmentVariable('CUDA_PATH', $CudaPath, $Scope)
    $bin = if (Test-Path -LiteralPath (Join-Path $CudaPath 'bin\x64')) { 'bin\x64' } else { 'bin' }
    $folder = Join-Path $CudaPath $bin
    $path = [string] [Environment]::GetEnvironmentVariable('PATH', $Scope)
    if (($path -split ';') -notcontains $folder) {
        [Environment]::SetEnvironmentVariable('PATH', ("$path;$folder").Trim(';'), $Scope)
    }
    Write-Host "cuDNN is in $CudaPath. Open a new shell: CUDA_PATH and PATH are set for it ($Scope)."
}

switch ($From) {
    'conda' { Install-FromConda }
    'wheel' { Install-FromWheel }
    'zip' { Install-FromZip }
}
