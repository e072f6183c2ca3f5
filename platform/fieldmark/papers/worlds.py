"""The procedural worlds that stand for the published data sets at smoke scale."""

WORLDS = {
    "iNat2021": "world:mark_resolution=24",
    "iNat2021-mini": "world:mark_resolution=24",
    "iNat2018": "world:variant=longtail,mark_resolution=24,seed=1",
    "YFCC100M-GEO100": "world:mark_resolution=24,seed=2",
    "iNat2017": "world:variant=longtail,mark_resolution=24,seed=3",
}
"""Published name to what is typed after --data. The two iNat2021 share a world: their methods share image models.

Marks show from an eighth of 192 pixels on, as the resolutions of the stand-ins are eighths of the papers'."""
