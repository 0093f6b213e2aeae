"""Django: requests through URLs, middleware, sessions, a form and a template, by the test client."""

import inputs

import django
from django import forms
from django.conf import settings

DEFAULT_SIZE = 1100
QUICK = True
PACKAGES = ("Django",)

settings.configure(
    DEBUG=False, SECRET_KEY="benchmark", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_I18N=False,
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    INSTALLED_APPS=["django.contrib.sessions", "django.contrib.messages"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
                "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware",
                "django.middleware.clickjacking.XFrameOptionsMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"loaders": [(
        "django.template.loaders.locmem.Loader", {
            "base.html": "<html><title>{% block title %}{% endblock %}</title>{% block body %}{% endblock %}</html>",
            "list.html": "{% extends 'base.html' %}{% block title %}{{ title|title }}{% endblock %}{% block body %}<ul>"
                         "{% for item in items %}<li class='{% cycle 'odd' 'even' %}'>{{ forloop.counter }}: "
                         "{{ item.name|upper|truncatechars:20 }}{% if item.price > 50 %} <b>{{ item.price|floatformat:2 }}"
                         "</b>{% else %} {{ item.price }}{% endif %}</li>{% empty %}nothing{% endfor %}</ul>{% endblock %}",
        })]}}])
django.setup()

from django.http import HttpResponseRedirect, JsonResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path, reverse  # noqa: E402


class OrderForm(forms.Form):
    name = forms.CharField(min_length=2, max_length=40)
    email = forms.EmailField()
    amount = forms.IntegerField(min_value=1, max_value=1000)
    colour = forms.ChoiceField(choices=[(each, each) for each in ("red", "green", "blue")])


def items(request, shelf):
    rng = inputs.generator(shelf)
    found = [{"name": " ".join(inputs.words(rng, 3)), "price": round(rng.random() * 100, 2)} for _ in range(25)]
    return render(request, "list.html", {"title": f"shelf {shelf}", "items": found})


def order(request):
    form = OrderForm(request.POST)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors.get_json_data()}, status=400)
    request.session["orders"] = request.session.get("orders", 0) + 1
    return HttpResponseRedirect(reverse("items", args=[form.cleaned_data["amount"]]))


def status(request):
    return JsonResponse({"orders": request.session.get("orders", 0), "agent": request.headers.get("User-Agent", "")})


urlpatterns = [path("shelf/<int:shelf>/", items, name="items"), path("order/", order, name="order"),
               path("status/", status, name="status")]


def run(step, size):
    client = Client(headers={"User-Agent": "bench"})
    for i in range(size):
        rng = inputs.generator(i)
        bodies = []
        for k in range(3):
            bodies.append(client.get(reverse("items", args=[i * 3 + k])).content)
        answer = client.post("/order/", {"name": inputs.words(rng, 1)[0] * 3, "email": "a@example.org",
                                         "amount": i % 300 + 1, "colour": "green"})
        assert answer.status_code == 302, answer.content
        wrong = client.post("/order/", {"name": "", "email": "nobody", "amount": "x", "colour": "pink"})
        assert wrong.status_code == 400
        state = client.get("/status/").json()
        assert state["orders"] == i + 1, state
        step([bodies, answer["Location"], wrong.json(), state])
