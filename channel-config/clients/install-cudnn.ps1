#Requires -Version 5.1
<#
.SYNOPSIS
Installs @CUDNN@ from a cudepot site, as pinned in its snapshot @NUMBER@.
.DESCRIPTION
-From conda   installs the pinned packages into a conda environment, a new one where there is none of that name.
-From wheel   installs the pinned wheels into the Python on PATH.
-From zip     fetches NVIDIA's zip from the site, checks its SHA-256, removes the cuDNN that is in -CudaPath, copies
              bin, include and lib there, and sets PATH; CUDA_PATH too, where -CudaPath is a CUDA toolkit.
What is to be removed is shown and asked about first. -Yes answers yes, -WhatIf says what would be done.
.EXAMPLE
.\install-cudnn.ps1 -From zip -WhatIf
.EXAMPLE
.\install-cudnn.ps1 -From zip -CudaPath 'C:\Program Files\NVIDIA GPU Computing Toolkit\CUDA\v11.1'
#>
[CmdletBinding(SupportsShouldProcess = $true)]
param(
    [ValidateSet('conda', 'wheel', 'zip')]
    [string] $From = @FROM@,
    # The zip, where you have it already, for -From zip.
    [string] $Zip = '',
    # The toolkit that cuDNN goes into, for -From zip, or any other folder. Without it: the toolkit of this CUDA.
    [string] $CudaPath = '',
    # Whose environment variables are set: 'Machine' needs an elevated shell.
    [ValidateSet('User', 'Machine')]
    [string] $Scope = 'User',
    # Name of the conda environment.
    [string] $Environment = 'cudnn',
    # Ask nothing.
    [switch] $Yes
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$Site = @URL@
$Channel = @CHANNEL@
$Cuda = @CUDA@
$CondaPackages = @(@CONDA@)
# A channel that has everything is the only one to be asked, whatever the machine's conda has set.
$OtherChannels = @(@OVERRIDE@)
$Wheels = @(@WHEELS@)
$ZipName = @ZIP@
$ZipSha256 = @SHA@
# Empty where the site does not show the zip.
$ZipUrl = @ZIPURL@
# cuDNN 8.3 to 9.1 loads zlibwapi.dll, which NVIDIA does not ship.
$NeedsZlib = @ZLIB@

function Assert-Tool([string] $Name, [string] $Hint) {
    if (-not (Get-Command $Name -ErrorAction SilentlyContinue)) { throw "$Name is not on PATH. $Hint" }
}

function Assert-Success([string] $What) {
    if ($LASTEXITCODE -ne 0) { throw "$What failed with exit code $LASTEXITCODE" }
}

# Shows what goes, and asks, unless -Yes or -WhatIf is given.
function Confirm-Removal([string] $Where, [string[]] $Names) {
    Write-Host "The cuDNN in $Where is replaced. To be removed:"
    foreach ($name in $Names) { Write-Host "  $name" }
    if ($Yes -or $WhatIfPreference) { return }
    if (-not $PSCmdlet.ShouldContinue("Remove it?", 'The cuDNN that is there')) { throw 'Nothing was changed.' }
}

# Visual Studio links against cudnn.lib.
function Show-ImportLibrary([string] $Folder) {
    $found = @(Get-ChildItem -LiteralPath $Folder -Filter 'cudnn.lib' -Recurse -File -ErrorAction SilentlyContinue)
    if ($found.Count -eq 0) {
        Write-Host "There is no cudnn.lib in $Folder. The zip and the conda package have it."
    } else {
        Write-Host "For Visual Studio: cudnn.lib is in $($found[0].DirectoryName)"
    }
}

# Leaves nothing where there is no environment of that name.
function Find-CondaEnvironment {
    $folders = @((& conda env list --json | Out-String | ConvertFrom-Json).envs)
    Assert-Success 'conda env list'
    $folders | Where-Object { (Split-Path -Leaf $_) -eq $Environment } | Select-Object -First 1
}

function Install-FromConda {
    if ($CondaPackages.Count -eq 0) { throw 'The site has no conda packages of this cuDNN for Windows.' }
    Assert-Tool 'conda' 'Install Miniforge, or run this in its prompt.'
    $verb = if (Find-CondaEnvironment) { 'install' } else { 'create' }
    $confirmed = @(if ($Yes) { '--yes' })
    if (-not $PSCmdlet.ShouldProcess($Environment, "conda ${verb}: $CondaPackages")) { return }
    & conda $verb @confirmed --name $Environment @OtherChannels --channel "$Site/$Channel" @CondaPackages
    Assert-Success "conda $verb"
    Show-ImportLibrary (Join-Path (Find-CondaEnvironment) 'Library\lib')
}

# Wheels of cuDNN for another CUDA write the same files, and pip does not know.
function Remove-OtherWheels {
    $wanted = @($Wheels | ForEach-Object { ($_ -split '==')[0] })
    $there = @(& python -m pip list --format freeze | ForEach-Object { ($_ -split '==')[0] -replace '[-_.]+', '-' })
    Assert-Success 'pip list'
    $other = @($there | Where-Object { $_ -match '^nvidia-cudnn-cu\d+$' -and $wanted -notcontains $_ })
    if ($other.Count -eq 0) { return }
    Confirm-Removal 'Python' $other
    if ($PSCmdlet.ShouldProcess('python', "pip uninstall: $other")) {
        & python -m pip uninstall --yes @other
        Assert-Success 'pip uninstall'
    }
}

function Install-FromWheel {
    if ($Wheels.Count -eq 0) { throw 'The site has no wheels of this cuDNN for Windows.' }
    Assert-Tool 'python' 'Install Python, or activate its environment.'
    Remove-OtherWheels
    if (-not $PSCmdlet.ShouldProcess('python', "pip install: $Wheels")) { return }
    & python -m pip install --index-url "$Site/simple/" @Wheels
    Assert-Success 'pip install'
    $packages = & python -c 'import sysconfig; print(sysconfig.get_path(''purelib''))'
    Show-ImportLibrary (Join-Path $packages 'nvidia\cudnn')
}

# A toolkit has the compiler; CUDA_PATH names no other folder.
function Test-Toolkit([string] $Folder) {
    return $Folder -and (Test-Path -PathType Leaf -LiteralPath (Join-Path $Folder 'bin\nvcc.exe'))
}

function Find-Toolkit {
    $variable = 'CUDA_PATH_V' + $Cuda.Replace('.', '_')
    foreach ($folder in [Environment]::GetEnvironmentVariable($variable), $env:CUDA_PATH) {
        if (Test-Toolkit $folder) { return $folder }
    }
    throw "$variable and CUDA_PATH name no CUDA toolkit. Name its folder with -CudaPath, or any other for cuDNN alone."
}

# Warns where a toolkit says that it is of another CUDA: in version.json, up to 11.0 in version.txt.
function Test-Version([string] $Folder) {
    $files = 'version.json', 'version.txt' | ForEach-Object { Join-Path $Folder $_ }
    $file = @($files | Where-Object { Test-Path -LiteralPath $_ })
    if ($file.Count -eq 0) { return }
    $text = Get-Content -Raw -LiteralPath $file[0]
    $said = $text -match '"cuda"\s*:\s*\{[^}]*"version"\s*:\s*"([0-9.]+)"' -or $text -match 'CUDA Version ([0-9.]+)'
    if ($said -and -not "$($Matches[1]).".StartsWith("$Cuda.")) {
        Write-Warning "$Folder has CUDA $($Matches[1]), and this cuDNN is for CUDA $Cuda."
    }
}

function Find-OldFiles {
    $places = @{
        'bin' = 'cudnn*.dll'; 'bin\x64' = 'cudnn*.dll'; 'include' = 'cudnn*.h'
        'lib' = 'cudnn*.lib'; 'lib\x64' = 'cudnn*.lib'
    }
    foreach ($place in $places.Keys) {
        $folder = Join-Path $CudaPath $place
        if (Test-Path -LiteralPath $folder) { Get-ChildItem -LiteralPath $folder -Filter $places[$place] -File }
    }
}

# Returns the zip, fetched into a folder unless it is there, once it is the pinned one.
function Get-Zip([string] $Folder) {
    $file = $Zip
    if (-not $file) {
        if (-not $ZipUrl) { throw "The site does not show $ZipName. Download it, and name it with -Zip." }
        $file = Join-Path $Folder $ZipName
        $tls12 = [Net.SecurityProtocolType]::Tls12
        [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor $tls12
        Invoke-WebRequest -UseBasicParsing -Uri $ZipUrl -OutFile $file
    }
    $found = (Get-FileHash -Algorithm SHA256 -LiteralPath $file).Hash.ToLowerInvariant()
    if ($found -ne $ZipSha256) { throw "$file has SHA-256 $found. The pinned $ZipName has $ZipSha256." }
    return $file
}

# Removes the cuDNN that is there, as NVIDIA's guide has it before an upgrade.
function Remove-OldFiles {
    $old = @(Find-OldFiles)
    if ($old.Count -eq 0) { return }
    Confirm-Removal $CudaPath @($old | ForEach-Object { $_.FullName })
    $old | ForEach-Object { Remove-Item -Force -LiteralPath $_.FullName }
}

function Copy-Payload([string] $Source) {
    foreach ($part in 'bin', 'include', 'lib') {
        $files = Join-Path $Source $part
        if (Test-Path -LiteralPath $files) {
            New-Item -ItemType Directory -Force -Path (Join-Path $CudaPath $part) | Out-Null
            Copy-Item -Recurse -Force -Path (Join-Path $files '*') -Destination (Join-Path $CudaPath $part)
        }
    }
}

function Install-FromZip {
    if (-not $ZipName) { throw 'The site has no zip of this cuDNN.' }
    $script:CudaPath = if ($CudaPath) { $PSCmdlet.GetUnresolvedProviderPathFromPSPath($CudaPath) } else { Find-Toolkit }
    Test-Version $CudaPath
    if (-not $PSCmdlet.ShouldProcess($CudaPath, "install $ZipName")) {
        Remove-OldFiles
        return
    }
    $ProgressPreference = 'SilentlyContinue'  # in 5.1 the bar takes longer than the file
    $folder = Join-Path ([IO.Path]::GetTempPath()) ([IO.Path]::GetRandomFileName())
    New-Item -ItemType Directory -Path $folder | Out-Null
    try {
        $file = Get-Zip $folder
        Expand-Archive -LiteralPath $file -DestinationPath (Join-Path $folder 'files')
        $top = Get-ChildItem -LiteralPath (Join-Path $folder 'files') -Directory | Select-Object -First 1
        Remove-OldFiles
        Copy-Payload $top.FullName
    } finally {
        Remove-Item -Recurse -Force -LiteralPath $folder -ErrorAction SilentlyContinue
    }
    Set-Variables
    Show-ImportLibrary (Join-Path $CudaPath 'lib')
    if ($NeedsZlib) { Write-Host 'It loads zlibwapi.dll, which has to be on PATH: conda has that as libzlib-wapi.' }
}

function Set-Variables {
    if (Test-Toolkit $CudaPath) {
        [Environment]::SetEnvironmentVariable('CUDA_PATH', $CudaPath, $Scope)
        Write-Host "CUDA_PATH is $CudaPath ($Scope)."
    } else {
        Write-Host "CUDA_PATH stays as it is: $CudaPath is no CUDA toolkit."
    }
    $bin = if (Test-Path -LiteralPath (Join-Path $CudaPath 'bin\x64')) { 'bin\x64' } else { 'bin' }
    $folder = Join-Path $CudaPath $bin
    $path = [string] [Environment]::GetEnvironmentVariable('PATH', $Scope)
    if (($path -split ';') -notcontains $folder) {
        [Environment]::SetEnvironmentVariable('PATH', ("$path;$folder").Trim(';'), $Scope)
    }
    Write-Host "cuDNN is in $CudaPath, and $folder on PATH ($Scope). Open a new shell."
}

switch ($From) {
    'conda' { Install-FromConda }
    'wheel' { Install-FromWheel }
    'zip' { Install-FromZip }
}
