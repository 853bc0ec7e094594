"""From one values file to the objects of ``kserve/`` that a cluster is given."""
