"""A TREC run from OpenSearch: its k-NN search; documents have the ids of the data set."""

from __future__ import annotations

from write_run import main, post, vector


def search(options, query):
    near = {"knn": {options.field: {"vector": vector(options.model, query), "k": options.depth}}}
    body = {"size": options.depth, "_source": False, "query": near}
    found = post(f"{options.url}/{options.index}/_search", body)
    return [(hit["_id"], hit["_score"]) for hit in found["hits"]["hits"]]


if __name__ == "__main__":
    main(
        search,
        __doc__,
        url="http://localhost:9200",
        index="my-corpus",
        field="embedding",
        model="BAAI/bge-base-en-v1.5",
    )
