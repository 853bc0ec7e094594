"""A build: its phases from a profile to a repository that is swapped in, and its dry run.

``build.py`` is the story. Each phase is a function from one value to the next, in a module of its
own::

    profile       Profile   what is asked for                     recipe/profile.py
    -> recipe     Recipe    models, exports, checkpoints: final   recipe/recipe.py
    -> plan       Plan      configs, and tasks with their keys    plan.py
    -> made       Made      exports, compared with their sources  making.py
    -> staged     Staged    configs with sizes, and files         staging.py
    -> checked              warnings; errors end the build        checking.py
    -> measured   Measured  scores, within their bounds           gates.py
    -> swapped in Swapped   the manifest; Result with the rest    swapping.py

``dry_run.py`` takes the same phases with a runner that only looks, and ``only.py`` as many of them
as a single task needs. ``stamp.py`` knows when there is nothing to do.
"""
