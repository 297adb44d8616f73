"""What a fixed upstream and configuration gave before the house was rebuilt, and must go on giving.

``recorded.tar.zst`` holds the upstreams' files, the keys, and a project as the code of ``record.py``'s day left it:
store, lock, site, a bundle and half a bundle. ``answers/`` holds, in words, what each verb made of it.
"""
