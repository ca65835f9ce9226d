"""White boxes: models that run in this process, with gradients, by torch.

`weights` finds the files and says what they are, `libraries` is the one file that
imports torch and its kin, `worker` the thread that computes. `loaded` is a model with
its tokenizer, `layout` a request as tokens, `replies` what it answers. `lora` adds
low-rank updates to its projections. `tuning` is a training, of `vectors` that stand in
prompts or of `matrices` that change the weights; `triggers` searches for words. `bake`
writes a model file that has the words, `exchange` reads and writes peft's files, and
llama.cpp's adapters.
"""
