"""The review page: where a person reads rows, scores them, corrects and comments.

`rows` reads an evaluation, `remarks` keeps what is written in one JSONL file, `desk`
answers the page's requests, `server` lets only that page ask, and `place` sees to it
that one review at a time writes a file and comes back at the same address. The page is
`page.html`, `review.css` and `review.js`, without a framework and without a build.
"""
