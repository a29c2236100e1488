"""The Wix API, one file for each module; `wixsandbox.routes` lists what is served."""
