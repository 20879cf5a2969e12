"""Score workloads (score.dev/v1b1): read, checked, upgraded and mapped to an environment's resources by rules.

Called by ``provisioning.services.score``. Pure, and runs nothing: there is no ``cmd://`` and no ``template://`` here.
"""
