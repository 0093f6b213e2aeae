"""Beautiful Soup on html.parser: pages to trees, searched by tag and CSS selector, changed and written."""

import html5lib_parser
from bs4 import BeautifulSoup

DEFAULT_SIZE = 3300
PACKAGES = ("beautifulsoup4", "soupsieve")


def run(step, size):
    for i in range(size):
        soup = BeautifulSoup(html5lib_parser.text(i), "html.parser")
        links = [(link["href"], link.get_text()) for link in soup.find_all("a", href=True)]
        cells = [cell.get_text(strip=True) for cell in soup.select("div.c2 table td, div#d3 > ul > li")]
        for each in soup.find_all(["b", "script"]):
            each.decompose()
        for image in soup.select("img[src$='.png']"):
            image["alt"] = "picture"
        step([links, cells, soup.prettify() if i % 2 else str(soup)])
