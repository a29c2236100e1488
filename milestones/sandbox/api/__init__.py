"""The Wix API, one file for each module; `milestones.sandbox.routes` lists what is served."""
