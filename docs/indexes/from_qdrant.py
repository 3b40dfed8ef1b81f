"""A TREC run from Qdrant; the payload of a point holds the id of the data set as "doc_id"."""

from __future__ import annotations

from write_run import main, post, vector


def search(options, query):
    body = {"query": vector(options.model, query), "limit": options.depth, "with_payload": ["doc_id"]}
    found = post(f"{options.url}/collections/{options.collection}/points/query", body)
    return [(point["payload"]["doc_id"], point["score"]) for point in found["result"]["points"]]


if __name__ == "__main__":
    main(search, __doc__, url="http://localhost:6333", collection="my-corpus", model="BAAI/bge-base-en-v1.5")
