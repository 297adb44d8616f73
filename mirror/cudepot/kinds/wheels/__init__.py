"""Python package indexes (PEP 503, 691): locked, published, exported, and environments of wheels.

Where to look, each with the decisions in ``rules/``:

- pins: ``lock`` (pages to wheels), ``artifact`` and ``hashes`` (a wheel as it is locked), ``provenance``, ``offers``.
- environments, reading: ``index_reader`` shows the indexes as cudepot has read them, by ``owners``, ``metadata_reader``
  and ``once``; ``shown_reader`` puts what is built in the place of sources.
- environments, solving: ``environment`` (keys of cudepot.toml), ``solve``, which asks ``standing`` whether the lock
  stands and else ``solve_anew``; ``resolve`` runs ``uv`` over ``uv_index``, ``require_alike`` doubts its answer,
  ``solved_files`` makes artifacts of it.
- environments, building: ``sdists`` decides what is built, ``sdist_build`` does it in isolation (``builders/``),
  ``sdist_rebuild`` on another machine, ``built_memory`` remembers; ``made_here`` hints at wheels of the site's own.
- the site: ``publish``, ``first_published``, ``shows``, ``verify``; ``prove`` solves each environment over its finished
  index; ``export``, ``relink`` and ``client`` are for those who install.
- ports: ``kind``, ``shows``, ``solves``.
"""
