"""Flask: requests with routing, signed session cookies, JSON and a Jinja template, by the test client."""

import inputs
from flask import Flask, Response, abort, jsonify, render_template_string, request, session, url_for

DEFAULT_SIZE = 600
PACKAGES = ("Flask", "Werkzeug", "Jinja2")

app = Flask(__name__)
app.secret_key = "benchmark"
PAGE = """<h1>{{ title }}</h1>{% for row in rows %}<p id="{{ loop.index }}">{{ row.name|title }}
{{ row.tags|join(', ') }} {{ '%.2f'|format(row.score) }}</p>{% endfor %}<a href="{{ url_for('page', number=1) }}">first</a>"""


@app.before_request
def count():
    session["seen"] = session.get("seen", 0) + 1


@app.after_request
def mark(response: Response):
    response.headers["X-Seen"] = str(session["seen"])
    return response


@app.route("/page/<int:number>")
def page(number):
    rng = inputs.generator(number)
    return render_template_string(PAGE, title=f"Page {number}", rows=[inputs.record(rng, 0) for _ in range(8)])


@app.route("/api/<name>", methods=["POST"])
def api(name):
    data = request.get_json()
    if "id" not in data:
        abort(422)
    return jsonify(name=name, keys=sorted(data), total=sum(data["numbers"]), link=url_for("page", number=data["id"] % 100))


@app.errorhandler(422)
def refused(error):
    return jsonify(error=error.name), 422


def run(step, size):
    client = app.test_client()
    for i in range(size):
        found = []
        for k in range(4):
            answer = client.get(f"/page/{i * 4 + k}?q=a%20b&q=c", headers={"Accept-Language": "en,de;q=0.5"})
            found.append((answer.status_code, answer.text, answer.headers["X-Seen"]))
            answer = client.post(f"/api/name{k}", json={"id": i + k, "numbers": list(range(30))})
            found.append(answer.get_json())
        assert client.post("/api/x", json={}).status_code == 422
        assert client.get("/nowhere").status_code == 404
        step(found)
