"""A TREC run from Milvus, of a collection with metric IP or COSINE; "doc_id" holds the data set's ids."""

from __future__ import annotations

from write_run import main, post, vector


def search(options, query):
    body = {"collectionName": options.collection, "annsField": options.field, "limit": options.depth}
    asked = {"data": [vector(options.model, query)], "outputFields": ["doc_id"]}
    found = post(f"{options.url}/v2/vectordb/entities/search", {**body, **asked})
    if found["code"] not in (0, 200):  # an error comes as a good answer, too
        raise SystemExit(f"Milvus: {found['message']}")
    return [(hit["doc_id"], hit["distance"]) for hit in found["data"]]


if __name__ == "__main__":
    main(
        search,
        __doc__,
        url="http://localhost:19530",
        collection="my-corpus",
        field="embedding",
        model="BAAI/bge-base-en-v1.5",
    )
