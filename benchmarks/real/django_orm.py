"""Django's ORM on SQLite: models, querysets with joins and annotations, transactions, serialisers."""

import django
import inputs
from django.apps import AppConfig
from django.conf import settings

DEFAULT_SIZE = 1600
PACKAGES = ("Django",)


class Shop(AppConfig):
    name, label = __name__, "shop"


settings.configure(INSTALLED_APPS=[f"{__name__}.Shop"], USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField",
                   DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
django.setup()

from django.core import serializers  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402


class Customer(models.Model):
    name = models.CharField(max_length=80)
    city = models.CharField(max_length=40)

    class Meta:
        app_label = "shop"


class Purchase(models.Model):
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="purchases")
    item = models.CharField(max_length=80)
    amount = models.IntegerField()

    class Meta:
        app_label = "shop"
        ordering = ["-id"]


def run(step, size):
    with connection.schema_editor() as editor:
        editor.create_model(Customer)
        editor.create_model(Purchase)
    for i in range(size):
        rng = inputs.generator(i)
        with transaction.atomic():
            for name in inputs.words(rng, 4):
                customer = Customer.objects.create(name=name, city=rng.choice(["Ulm", "Bonn", "Jena"]))
                for item in inputs.words(rng, 3):
                    Purchase.objects.create(customer=customer, item=item, amount=rng.randrange(100))
        newest = Purchase.objects.select_related("customer").filter(amount__gte=20).exclude(item__startswith="z")[:20]
        rows = [(each.item, each.amount, each.customer.name) for each in newest]
        sums = list(Customer.objects.filter(id__gt=i * 4 - 20).annotate(total=models.Sum("purchases__amount"))
                    .order_by("-total", "id").values_list("name", "total")[:5])
        towns = [list(Customer.objects.filter(city=city, id__gt=i * 4 - 20).prefetch_related("purchases")
                      .order_by("-id")[:5]) for city in ("Ulm", "Bonn")]
        found = [[purchase.item for purchase in each.purchases.all()] for town in towns for each in town]
        Purchase.objects.filter(id__gt=i * 12 - 5, amount__lt=50).update(amount=models.F("amount") + 1)
        text = serializers.serialize("json", newest)
        step([rows, sums, found, len(text)])
