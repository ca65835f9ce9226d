"""White boxes: models that run in this process, with gradients, by torch.

`weights` finds the files and says what they are, `libraries` is the one file that
imports torch and its kin, `worker` the thread that computes. `loaded` is a model with
its tokenizer, `layout` a request as tokens, `replies` what it answers. `tuning` trains
vectors that stand in prompts, `triggers` searches for words, `lora` trains the weights;
`bake` writes a model file that has the words, `exchange` reads and writes peft's files.
"""
