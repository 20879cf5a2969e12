"""Learn the words of all entries anew: search now trusts the vocabulary about words that stand nowhere."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0041_git_trouble")]
    operations = [migrations.RunSQL("UPDATE provisioning_searchwordmark SET entry = 0", migrations.RunSQL.noop)]
