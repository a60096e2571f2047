"""The table behind the cache: the limits on signing in must hold across processes."""

from django.db import migrations


class Migration(migrations.Migration):
    """Make what ``createcachetable`` would make, so that a deployment needs no second command."""

    dependencies = [("registry", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql="""
            CREATE TABLE public.registry_cache (
                cache_key varchar(255) NOT NULL,
                value text NOT NULL,
                expires timestamptz NOT NULL,
                CONSTRAINT registry_cache_pk PRIMARY KEY (cache_key)
            );
            CREATE INDEX registry_cache_expires_ix ON public.registry_cache (expires);
            """,
            reverse_sql="DROP TABLE public.registry_cache",
        )
    ]
