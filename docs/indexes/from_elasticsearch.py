"""A TREC run from Elasticsearch: BM25 over title and text; documents have the ids of the data set."""

from __future__ import annotations

from write_run import main, post


def search(options, query):
    match = {"multi_match": {"query": query, "fields": ["title", "text"]}}
    body = {"size": options.depth, "_source": False, "query": match}
    found = post(f"{options.url}/{options.index}/_search", body)
    return [(hit["_id"], hit["_score"]) for hit in found["hits"]["hits"]]


if __name__ == "__main__":
    main(search, __doc__, url="http://localhost:9200", index="my-corpus")
