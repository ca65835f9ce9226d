"""The review page: where a person reads rows, scores them, corrects and comments.

`sheet` reads an evaluation, `remarks` keeps what is written in one JSONL file, `desk`
answers the page's requests, and `server` lets only that page ask. The page is
`page.html`, `review.css` and `review.js`, without a framework and without a build.
`blind` is the same for answers of several systems whose names are hidden.
"""
