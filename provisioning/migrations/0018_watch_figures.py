"""What a controller says of its watch: how much it holds, and how far it is behind."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("provisioning", "0017_stage_links")]

    operations = [
        migrations.AddField("clusterwatch", "objects_seen", models.PositiveIntegerField(default=0)),
        migrations.AddField("clusterwatch", "backlog", models.PositiveIntegerField(default=0)),
        migrations.AddField("clusterwatch", "lag_seconds", models.FloatField(default=0)),
    ]
