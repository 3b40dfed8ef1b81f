"""A TREC run from Vespa, by one of its rank profiles; a field "id" holds the ids of the data set."""

from __future__ import annotations

from write_run import main, post


def search(options, query):
    asked = {"yql": f"select id from {options.schema} where userQuery()", "query": query, "type": "any"}
    body = {**asked, "ranking": options.ranking, "hits": options.depth}
    root = post(f"{options.url}/search/", body)["root"]
    if "errors" in root:  # they may come with a part of the answer
        raise SystemExit(f"Vespa: {root['errors']}")
    return [(hit["fields"]["id"], hit["relevance"]) for hit in root.get("children", [])]


if __name__ == "__main__":
    main(search, __doc__, url="http://localhost:8080", schema="doc", ranking="bm25")
