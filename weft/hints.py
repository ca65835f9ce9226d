"""Names that people bring along, mostly from DSPy, and what to write here instead.

Nothing is an alias: two names for one thing would have to be learned twice. A name from
elsewhere is an error like any other, and its remedy is the name that is meant. The
table is asked through `pipeline.ground.hints`, by the kind of what lacks the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

_TABLE = """
[package]
split train_test_split: Leave it out: weft.compile sets rows aside by itself; your own
  are val=, and what is sealed is never searched on
optimize optimizer optimizers fit train: Write weft.compile(program, rows, metric=...)
InputField OldInputField: Write weft.Input("what it holds")
OutputField: Write weft.Output("what it holds")
Module: Write a typed function under @weft.program; what `forward` did is its body
Prediction: A module gives an instance of its signature; read its attributes. A program
  of several results returns a dict; a metric's score and feedback are
  weft.Score(value, feedback)
Evaluate: Write weft.evaluate(program, rows, weft.metrics.exact("answer"))
MultiServerMCPClient MCPServerStdio MCPServerHTTP MCPServerStreamableHTTP MCPToolset:
  Write `with weft.mcp.tools(["python", "server.py"]) as tools:`
FastMCP MCPServer: Write weft.mcp.serve(program)
EvaluationResult: weft.evaluate gives it: an Evaluation
ScoreWithFeedback: Write weft.Score(value, feedback)
ReActV2 Avatar Agent agent create_agent create_react_agent: Write
  weft.ReAct("question -> answer", tools=[...])
RLM RecursiveLanguageModel: Write weft.Recursive("context, query -> answer"), which
  reads a long text by code and sub-calls
PythonInterpreter CodeInterpreter LocalSandbox LocalPythonExecutor Monty: Write
  weft.Sandbox().run(code, inputs={...}, functions=[...])
CodeAgent: Write weft.CodeAct("question -> answer", tools=[...])
Flex: Write a @weft.step(uses=[module]) with a Python loop in it
ToolCalls ToolCallResults: Write weft.ReAct("question -> answer", tools=[...],
  calls="native"), and read result.trajectory
StructuredTool BaseTool FunctionTool: Write @weft.tool above a typed function, or
  weft.Tool.from_schema(name, description, schema, call)
Assert Suggest output_validator ModelRetry: Use a type that holds it, or write
  weft.Check(module, [check]); required=False only advises
Node node: Write a typed function under @weft.step
checklist CheckList augment add_typos: Write weft.perturb(rows, ["key-slips"],
  inputs=["message"])
redteam attack garak: Write weft.red_team(program, rows)
ChainOfThoughtWithHint: Write weft.ChainOfThought with an input `hint`
MultiChainComparison: Write weft.Compare(weft.ChainOfThought("question -> answer"))
FallbackModel with_fallbacks: Write weft.Fallback(module, ["openai/gpt-5-mini"])
MapReduceDocumentsChain: Write weft.MapReduce(map, reduce)
ColBERTv2 WeaviateRM MilvusRM ChromadbRM: Call your search from a function
  under @weft.step, or index its passages: weft.Retrieve(weft.Index(passages))
Embeddings retrievers BM25Retriever VectorStore VectorStoreIndex FAISS Chroma: Write
  weft.Index(passages).embedded(weft.Embedder("openai/text-embedding-3-small"))
OpenAIEmbeddings SentenceTransformer: Write
  weft.Embedder("openai/text-embedding-3-small")
Adapter adapters: There is no adapter of your own: write adapter="chat", "json",
  "xml", "plain", "completion", or a template, weft.cloze("[x] It was [z]"); other
  words go into the instruction
ChatAdapter JSONAdapter XMLAdapter BAMLAdapter: Leave it out, or
  write weft.configure(adapter="json"), or weft.Predict(..., adapter="json") for one
  module; "chat", "xml", "plain", "completion" and weft.cloze(...) are forms
TwoStepAdapter: Write two modules: one gives a text, and the other its fields
Video ImageUrl BinaryContent AudioUrl DocumentUrl: Write weft.Image.open(path),
  weft.Image.from_url(url), weft.Audio.open(path) or weft.File.open(path)
Reasoning: Read weft.info(result).calls[0].reasoning
Citations: Write weft.Cited("question, passages: list[Passage] -> answer")
Type Code: Describe it in the signature; a field is text, media or
  a pydantic type
HumanMessage AIMessage MessagesPlaceholder ModelMessage: Write an input `history:
  weft.History`; weft.History([("user", "..."), ("assistant", "...")])
Field: Write weft.Input("what it holds"), or weft.Output(...)
BaseLM: Write weft.FunctionLM(function), or a class with model, endpoint, sampling,
  schema_mode and complete
OpenAI Claude LLM ChatModel llm: Write weft.LM("openai/gpt-5-mini")
DummyLM: Write weft.ScriptedLM([{"answer": "red"}])
ensure_signature make_signature Prompt prompt Template: Write weft.Predict("question
  -> answer", "Answer briefly.")
teleprompt optimizers: Write weft.compilers
answer_exact_match: Write weft.metrics.exact("answer", normalize=weft.metrics.squad)
answer_passage_match: Write weft.metrics.contains("answer", within="context",
  normalize=weft.metrics.squad)
SemanticF1: Write weft.metrics.semantic_f1("response")
CompleteAndGrounded: Write weft.metrics.judged_by(weft.Completeness(), row=
  {"reference": "answer"}), or weft.metrics.judged_by(weft.Groundedness())
AnswerCompleteness: Write weft.Completeness()
AnswerGroundedness Faithfulness FaithfulnessEvaluator HallucinationMetric: Write
  weft.Groundedness()
GEval RubricsScore CriteriaEvalChain LLMJudge: Write weft.Rubric({"polite": "friendly
  in tone"})
PairwiseStringEvalChain PairwiseComparison: Write weft.Pairwise()
classification_report confusion_matrix: Write weft.classification(evaluation)
normalize_text: Write weft.metrics.squad(text)
Dataset datasets DataLoader: Give plain dicts, a data set that you loaded, or a
  file: weft.read_rows("rows.jsonl", ["x"], rename={"text": "x"})
metaprompt meta_prompt generate_prompt improve_prompt PromptGenerator: Write
  weft.draft("the task", "question -> answer")
review: Write weft.critique(program); the page of rows is the command `weft review`
generate_test_cases generate_rows Synthesizer synthetic_data TestsetGenerator: Write
  weft.synthesize("question -> answer", 20)
glossary: Write program.with_context(weft.Context(glossary={"word": "..."}))
MaxMarginalRelevanceExampleSelector SemanticSimilarityExampleSelector mmr: Write
  weft.pick_demos(module, rows, 4, pick="diverse")
Chain Pipeline pipeline Flow: Write a typed function under @weft.program
Graph: Read program.graph
Trace: Read program.run(...).trace
load_state: Write weft.load("NAME.weft.json", program=program)
context: Write `with weft.use(lm=...):`
settings: Set with weft.configure(lm=...) or `with weft.use(lm=...):`
inspect_history history: Read weft.info(result) after a call, program.run(...).trace
  for all of them; module.prompt(...) shows one before
enable_logging disable_logging configure_dspy_loggers: Write
  logging.getLogger("weft").setLevel(...)
bootstrap_trace_data: Write weft.evaluate(program, rows, metric).rows
System SystemMessage User UserMessage Assistant AssistantMessage: Write
  lm([{"role": "system", "content": "..."}, {"role": "user", "content": "..."}])
LMRequest: Write weft.Request, which a model's complete(request) gets
LMResponse: Write weft.Response, which a call gives: its .text
enable_litellm_logging disable_litellm_logging: Write
  logging.getLogger("LiteLLM").setLevel(...)
experimental: Leave it out: nothing has to be switched on
utils: Write weft.ScriptedLM for a fake, weft.events for what streams
DSPyError: Catch weft.errors.WeftError
AdapterParseError: Catch weft.errors.ParseError
ContextWindowExceededError: Catch weft.errors.ContextLengthError
LMError LMProviderError LMUnexpectedError: Catch weft.errors.ModelError
LMAuthError: Catch weft.errors.AuthError
LMBillingError: Catch weft.errors.BillingError
LMConfigurationError LMNotConfiguredError: Catch weft.errors.ConfigError
LMInvalidRequestError: Catch weft.errors.InvalidRequest
LMRateLimitError: Catch weft.errors.RateLimited
LMServerError: Catch weft.errors.ServerError
LMTimeoutError: Catch weft.errors.DeadlineExceeded
LMTransportError: Catch weft.errors.ConnectError
LMUnsupportedModelError: Catch weft.errors.NotFoundError
LMUnsupportedFeatureError: Catch weft.errors.InvalidRequest
is_retryable_lm_error: Read error.retryable
CodeExecutionError: Read the error of weft.Sandbox().run(code)
BaseCallback with_callbacks callbacks: Write a function of a finished node, and
  weft.configure(hooks=[...]) or `with weft.use(hooks=[...]):`
Completions: Ask again under `with weft.use(sample=1):`, then 2, 3, ...
GroundedProposer propose: Write weft.compilers.MIPRO(), which proposes and races, or
  weft.draft("the task", "question -> answer") for one instruction
CodeInterpreterError FinalOutput: Read .error and .value of weft.Sandbox().run(code)
LocalInterpreter resolve_interpreter_factory: Write
  weft.Sandbox().run(code, inputs={...}, functions=[...])
EmbeddingsWithScores: Write weft.Index(passages).embedded(weft.Embedder(...))
OldField: Write weft.Input("what it holds"), or weft.Output(...)
OldOutputField: Write weft.Output("what it holds")
SignatureMeta signatures infer_prefix: Write class NAME(weft.Signature)
BaseModule primitives: Write a typed function under @weft.program
clients Provider TrainingJob: Write weft.LM("openai/gpt-5-mini")
threading: Say concurrency= where it runs: weft.evaluate, program.batch
load_settings: Set with weft.configure(lm=...) or `with weft.use(lm=...):`
streamify StreamListener streaming: Write program.stream(...)
syncify: Call the program: it is both, acall(...) is for `await`
asyncify: Await program.acall(...)
Parallel: Write program.batch(rows, concurrency=...)
Noul: Write a bool, Literal or enum output; weft.Classify(module) gives
  its probabilities
Verbalizer ManualVerbalizer verbalizer: Write weft.Classify(module,
  words={"positive": ["great", "good"], ...})
AutomaticVerbalizer LabelWords AutoPrompt: Write weft.find_words(classify, rows), or
  weft.compilers.LabelWords(), which races and verifies them
ManualTemplate MixedTemplate PVP Cloze: Write weft.cloze("[x] It was [z]"), as
  adapter=
PET iPET: Write weft.PatternVote([weft.Classify(one), ...]), and
  weft.label_unlabelled(vote, rows)
ReAnchor TunedThresholdClassifierCV: Write weft.compile(weft.Classify(module), rows,
  metric=..., compiler=weft.compilers.Thresholds())
CalibratedClassifierCV: Write weft.calibrate(weft.Classify(module), rows), or fit a
  temperature with weft.compilers.Thresholds()
decisions: Write weft.Classify(weft.Predict(...)), and an LM whose endpoint has it
Threshold threshold cutoff: Write weft.Classify(module, rule=weft.Rule(cut=0.3))
majority: Write weft.compilers.majority, or weft.Vote(module, n=5)
track_usage: Read program.run(...).trace.usage, or give a weft.Ledger
configure_cache cache: Write weft.configure(cache=...)
StreamResponse StatusMessage StatusMessageProvider: Match the events of
  program.stream(...)
LabeledFewShot BootstrapFewShot KNNFewShot COPRO SIMBA GEPA InferRules ACE APE OPRO
  CAPO MIPRO Auto LoRA: Write weft.compilers.{}()
SoftPrompt PromptEmbedding PromptTuningConfig: Write weft.compile(...,
  compiler=weft.compilers.PromptTuning())
[compiler]
AutomaticVerbalizer find_words FindWords: Write weft.compilers.LabelWords()
ReAnchor: Write weft.compilers.Thresholds()
AutoPrompt: Write weft.compilers.TriggerTokens()
PTuningV2 PrefixTuningConfig: Write weft.compilers.PrefixTuning(projection=False)
PromptEncoderConfig: Write weft.compilers.PTuning()
LoraConfig QLoRA: Write weft.compilers.LoRA()
BootstrapFewShotWithRandomSearch BootstrapRS RandomSearch: Write
  weft.compilers.BootstrapRandomSearch()
MIPROv2: Write weft.compilers.MIPRO()
BetterTogether: Write weft.compilers.Sequence(of=(BootstrapFewShot(),
  LoRA(source="traces"), BootstrapFewShot())), on weft.LM("torch/...")
Ensemble: Write weft.compilers.ensemble(result.best(3))
BootstrapFewShotWithOptuna: Write weft.compilers.OptunaTPE()
KNN: Write weft.compilers.KNNFewShot()
BootstrapFinetune: Write weft.compilers.LoRA(source="traces") on weft.LM("torch/..."),
  with weft.compile(..., teacher=...); for tuning elsewhere
  weft.finetuning_rows(weft.evaluate(program, rows, metric))
GRPO: Write weft.finetuning_rows(weft.evaluate(program, rows, metric))
random_search: Write weft.compilers.BootstrapRandomSearch()
bootstrap: Write weft.compilers.BootstrapFewShot()
AvatarOptimizer: Write weft.compilers.GEPA()
Teleprompter Optimizer: Write weft.compilers.Auto()
[metric]
accuracy: Write weft.metrics.exact("label")
answer_exact_match EM exact_match em: Write weft.metrics.exact("answer",
  normalize=weft.metrics.squad)
normalize_text: Write weft.metrics.squad(text)
check_metric: Leave it out: the report of a compile says what is odd about a metric
F1 f1_score: Write weft.metrics.f1("answer")
precision recall: Write a function of your own; weft.metrics.f1("answer") is the
  harmonic mean of both. Of classes: weft.classification(evaluation)
precision_recall_fscore_support classification_report
  confusion_matrix macro_f1 balanced_accuracy balanced_accuracy_score kappa
  cohen_kappa_score roc_auc_score auroc ece expected_calibration_error: Write
  weft.classification(evaluation): it is of all rows, and no score of one
brier_score_loss brier_score: Write weft.metrics.brier("label")
cross_entropy: Write weft.metrics.log_loss("label")
log_likelihood logprob perplexity: Write weft.metrics.likelihood("answer")
HotPotF1: Write a function of your own around weft.metrics.f1("answer"), which gives
  "yes" and "no" no place of their own
answer_passage_match: Write weft.metrics.contains("answer", within="context",
  normalize=weft.metrics.squad)
CompleteAndGrounded: Write weft.metrics.judged_by(weft.Completeness(), row=
  {"reference": "answer"}), or weft.metrics.judged_by(weft.Groundedness())
Faithfulness Groundedness: Write weft.metrics.judged_by(weft.Groundedness())
judge llm_judge GEval: Write weft.metrics.judged_by(judge)
MultiServerMCPClient MCPServerStdio MCPServerHTTP MCPServerStreamableHTTP MCPToolset:
  Write `with weft.mcp.tools(["python", "server.py"]) as tools:`
FastMCP MCPServer: Write weft.mcp.serve(program)
EvaluationResult: weft.evaluate gives it: an Evaluation
Evaluate evaluate: Write weft.evaluate(program, rows, weft.metrics.exact("answer"))
[member]
set_lm: Write module.with_(lm=...), or `with weft.use(lm=...):`
get_lm: Read module.lm
save dump_state: Write weft.save(program, "NAME.weft.json")
load load_state: Write weft.load("NAME.weft.json", program=program)
forward: Call it like a function
aforward: Await its acall(...)
predictors named_predictors named_sub_modules: Read program.modules
named_parameters: Read program.parameters
react extract: Read .modules of the agent: its parts are act and extract
max_iters: Write weft.ReAct(signature, tools=[...], max_steps=20)
truncate_trajectory: Leave it out: a trajectory that is too long is cut by itself
deepcopy copy: It never changes, so that it needs no copy
reset_copy: It never changes: the program before the compile is as it was
inspect_history history: Read weft.info(result) after a call, program.run(...).trace
  for all of them; module.prompt(...) shows one before
traces train: Read program.run(...).trace, or module.prompt(...)
soft soft_prompt: Read module.parameters.soft
lora: Read module.parameters.lora
predict extended_signature: It is a module itself
rationale: Read .reasoning
usage lm_usage cost: Read .trace.usage and .cost of program.run(...), or
  weft.info(result).calls: each has its own
trace: Read program.run(...).trace, or weft.info(result)
json dict to_dict model_dump_json: Write weft.to_dict(result) for plain JSON data
inputs labels without with_inputs: Write dict(result), which is its outputs
fields input_fields output_fields outputs: Read .signature, or .spec.fields
reasoning: Write weft.ChainOfThought, which asks for it; what a model thought by itself
  is weft.info(result).calls[0].reasoning
update_config get_config: Write with_(sampling={...})
detailed_results trial_logs candidate_programs prompt_model_total_calls: Read
  .report.tried and .best(3) of weft.compile's result
completions: Ask again under `with weft.use(sample=1):`, then 2, 3, ...
get_lm_usage: Read program.run(...).trace.usage, or weft.info(result).calls: each
  has its usage
map_named_predictors: Write program.with_modules({...})
bootstrap compile: Write weft.compile(program, rows, metric=...)
demos: Read module.parameters.demos; write module.with_(demos=[...])
context glossary with_glossary: Write it.with_context(weft.Context(audience="...",
  glossary={"word": "..."}))
instructions: Read module.instruction; write
  with_(instruction=...)
adapter: Read module.parameters.adapter; write module.with_(adapter=...)
sampling config temperature max_tokens: Read module.parameters.sampling; write
  module.with_(sampling={...})
evaluate: Write weft.evaluate(program, rows, weft.metrics.exact("answer"))
toDict model_dump: Write dict(result), or weft.to_dict(result) for plain JSON data
items values: Write dict(result).{}()
get: Read it as an attribute, or as result[name]
callbacks: Write weft.configure(hooks=[...]) or `with weft.use(hooks=[...]):`
[result]
inspect_history history: Read .trace: its nodes have the calls, with messages and reply
detailed_results trial_logs best_candidate candidate_programs: Read .report.tried and
  .best(3) of weft.compile's result
answer output: Read .value, which is what the program gives
results: Read .rows: each has an example, a prediction and a score, whose .value is in
  [0, 1]
usage: Read .trace.usage
score: Read .mean of an evaluation, .report.score.mean of a compile
improvement: Read .report.comparison
best_score val_score: Read .report.score.mean, which is of sealed rows
demos predictors: Read .program.modules
cost spent: Read .report.usd, .report.calls and .report.tokens
[events]
StatusMessage StatusMessageProvider ToolStarted StepStarted ModuleStarted: Write
  weft.events.NodeStarted: it has the path of what begins
StepFinished ToolFinished ModuleFinished: Write weft.events.NodeFinished
StreamResponse StreamListener Token Delta Chunk: Write weft.events.FieldDelta: it has
  the path of a module, a field, and its next words in text
Prediction: Write weft.events.Finished: its value is what the program gives
streamify streaming_response apply_sync_streaming: Write program.stream(...), or
  program.astream(...)
[hook]
on_lm_start on_lm_end on_adapter_format_start on_adapter_format_end
  on_adapter_parse_start on_adapter_parse_end: Write a function of a finished node,
  hooks=[function]; its .calls have the messages, the reply and what was read of it
on_module_start on_module_end on_tool_start on_tool_end: Write a function of a finished
  node, hooks=[function]: it has .path, .inputs, .outputs and .error
on_evaluate_start on_evaluate_end: Read what weft.evaluate gives; hooks=[function] is
  told of each finished node
[event]
chunk content delta token: Read .text
signature_field_name: Read .field
predict_name predict message name node: Read .path
is_last_chunk: Leave it out: weft.events.Partial comes as each field ends
prediction result output answer: Read .value, which is what the program gives
outputs inputs: Read .run.{} of a NodeFinished
[demo]
inputs labels augmented get keys items: Read .values, a mapping of all fields by name
[ledger]
usage usages get_total_tokens total add_usage: Read .spent(): it has calls, tokens and
  usd
[report]
baseline before_score: Read .seed_score.mean
mean after_score best_score: Read .score.mean
cost spent: Read .usd, .calls and .tokens
gain improvement delta: Read .comparison
[node]
usage get_lm_usage: Read .calls: each has its usage; a whole run's is
  program.run(...).trace.usage
cost: Read .calls: each has its cost; a whole run's is program.run(...).cost
prompt messages request: Read .calls[0].messages
reply response completion: Read .calls[0].reply
reasoning: Read .calls[0].reasoning
logprobs: Read .calls[0].logprobs
model: Read .calls[0].model
[signature]
instructions instruction: Read weft.Predict(it).parameters.instruction
with_instructions append_instructions: Write it.with_instruction("...")
insert: Write it.append(...) or it.prepend(...)
delete: Write it.without("name")
dump_state load_state: Save the program: weft.save(program, "...")
fields model_fields: Read weft.Predict(it).spec.fields
with_updated_fields: Write it.with_fields(name=weft.Output("...")), or a subclass
input_fields: Read weft.Predict(it).spec.inputs
output_fields: Read weft.Predict(it).spec.outputs
[model]
history inspect_history: Read program.run(...).trace for all calls, or weft.info(result)
  after one
forward aforward request: Call it, lm("text"), or ask through a module
kwargs: Read lm.sampling
model_name: Read lm.model
copy deepcopy: Write weft.LM(...) with other options
cache: Set it with weft.use(cache=...)
num_retries: Set it with weft.use(retry=weft.RetryPolicy(retries=...))
api_key: It is never given out
finetune: Write weft.finetuning_rows(...), and train elsewhere
supports_function_calling supports_response_schema supports_reasoning supported_params
  supports_decision_requests: Leave it out: what a server can do is learnt from its
  replies; `weft probe MODEL` asks it
launch kill close aclose: Leave it out: a model that runs here starts and ends by itself
dump_state load_state: Leave it out: a saved program names its model, and no key
callbacks: Write weft.configure(hooks=[...]) or `with weft.use(hooks=[...]):`
[response]
content choices message messages output outputs completion output_text: Read .text:
  it is a str; for another answer ask again, lm("text", sample=1)
strip split lower upper startswith endswith replace splitlines encode: Read .text: it
  is a str
reasoning_content thinking: Read .reasoning
prompt_tokens input_tokens: Read .usage.input_tokens
completion_tokens output_tokens total_tokens: Read .usage.output_tokens
[history]
messages: Read .turns: each has a role and a content
append add extend insert add_message add_user_message add_ai_message: It never changes:
  write history.asked("...") or history.answered("..."), which give a new one
clear: Write weft.History()
[media]
from_file from_path load: Write .open(path), as in weft.Image.open("a.png"),
  weft.Audio.open("a.wav") or weft.File.open("a.pdf")
from_bytes: Write weft.Image(data), weft.Audio(data) or weft.File(data)
from_base64 from_data: Write .from_data_url("data:image/png;base64,...")
from_PIL from_pil: Write image.save(buffer, "PNG"), and then
  weft.Image(buffer.getvalue())
from_file_id file_id: Give the data: weft.File.open(path)
format audio_format: Read .media_type, or .data_url for the data as a URL
file_data: Read .data, or .base64
filename: Read .name
[tool]
args arg_types parameters: Read .schema, or .words for how a model is told
arg_desc: Read .descriptions
desc: Read .description
func function fn: Call the tool: to you it is still the function
has_kwargs: Read .schema
format format_as_litellm_function_call to_openai: Read .schema
invoke run: Call it like a function
ainvoke arun: Await its acall(...)
from_mcp_tool: Write `with weft.mcp.tools(["python", "server.py"]) as tools:`
from_langchain: Write weft.Tool.from_schema(tool.name, tool.description,
  tool.args_schema.model_json_schema(), tool.invoke)
from_function from_defaults: Write weft.Tool(function)
[sandbox]
execute exec eval: Write .run(code, inputs={...}, functions=[...]): it gives .value,
  .printed and .error
start shutdown close: Leave it out: each run has a process of its own; .session() keeps
  variables from one to the next
tools invoke_tool output_fields: Give functions=[...] to .run(code)
[type]
Tool ToolCalls ToolCallResults: Write weft.ReAct("question -> answer", tools=[...],
  calls="native"), which tells the model of them; a signature holds data alone
number double numeric: Write int or float
Text text: Write str
Reasoning: Leave it out, and read weft.info(result).calls[0].reasoning, or write
  weft.ChainOfThought
Code: Write str, and name the language in the field's description
Citations: Write weft.Cited("question, passages: list[Passage] -> answer")
BaseModel: Write the class of the model itself, with types={"NAME": NAME}
Example Prediction: Write each field of its own, or a pydantic model
[call]
lm: Write module.with_(lm=...), or `with weft.use(lm=...):`
demos: Write module.with_(demos=[...])
temperature max_tokens config: Write module.with_(sampling={...})
n rollout_id: Ask for another answer with weft.use(sample=1)
signature: Write weft.Predict(signature)(...)
callback_metadata: Leave it out: a hook gets the finished node, and a dict that it gives
  back is noted in the node's facts
stream_listeners status_message_provider include_final_prediction_in_output_stream:
  Leave it out, and match the events of program.stream(...): NodeStarted is a status,
  FieldDelta has words of a field, and Finished the value
is_async_program async_streaming: Leave it out: program.stream(...) is for `for`,
  program.astream(...) for `async for`
[row]
with_inputs: Leave it out: the program knows which fields are its inputs
without: Make a dict without the key
toDict keys items values copy: Write {**row.inputs, **row.labels}
get: Read row.labels.get(name), or row.inputs.get(name)
[option]
metric seed: Give it to weft.compile or weft.evaluate
cache: Set it with weft.use(cache=...)
rollout_id sample: Ask for another answer with weft.use(sample=1)
num_retries max_retries: Set it with weft.use(retry=weft.RetryPolicy(retries=...))
prompt_model reflection_lm: Set it with weft.use(lms={"proposer": ...})
auto max_metric_calls max_full_evals num_trials max_rounds: Give a budget to
  weft.compile, such as budget='500 calls'
teacher_settings teacher: Give teacher= to weft.compile: a model, or a program
student trainset valset: Write weft.compile(program, train, val, metric=...,
  compiler=...)
budget: Give it to weft.compile, or set it with weft.use(budget=...)
log_dir: Give run_dir= to weft.compile: a killed compile goes on from there
task_model: Set it with weft.use(lm=...)
requires_permission_to_run: Ask weft.quote(...) first: it says what it costs
max_iters max_iterations recursion_limit: Write max_steps=..., or tries=... for
  weft.ProgramOfThought
max_llm_calls: Write max_calls=...
max_output_chars: Write sandbox=weft.Sandbox(printed=...)
interpreter interpreter_factory executor: Write sandbox=weft.Sandbox(seconds=...)
track_stats: Leave it out: all that was tried stands in result.report.tried
metric_threshold: Give passing= to weft.compile: the score from which a run is a demo
stop_at_score: Leave it out: a compile ends where nothing can score higher
failure_score provide_traceback: Leave it out: failures are no scores; look at
  .failures and .error
use_mlflow use_wandb: Read result.report.to_json()
vectorizer embedder: Write weft.use(embedder=weft.Embedder(...)); without one inputs
  are compared by their rare trigrams
temperature: Write weft.LM("openai/gpt-5-mini", temperature=...)
max_tokens: Write weft.LM("openai/gpt-5-mini", max_tokens=...)
init_temperature: Write weft.use(lms={"proposer": weft.LM(..., temperature=1)})
num_threads: Say concurrency= where it runs: weft.evaluate, weft.compile
adapter: Leave it out, or write weft.configure(adapter="json"), or weft.Predict(...,
  adapter="json") for one module; "chat", "xml", "plain" and "completion" are forms
rm retriever: Call your search from a function under @weft.step
trace track_usage: Read program.run(...).trace, or module.prompt(...)
async_max_workers: Say concurrency= where it runs: program.batch
max_errors: No number of failures ends an evaluation: read its .failures. A batch
  goes on with on_error="keep"
return_failed_examples return_exceptions raise_on_error: Write on_error="keep": the
  error stands in the place of the row's value
disable_progress_bar: Leave it out: a bar is drawn where progress=True stands
straggler_limit: Leave it out: a call that takes too long ends by itself
timeout: Write weft.LM(..., timeout=...): it is of one attempt
return_outputs return_all_scores: Read .rows of it
display_table save_as_json save_as_csv: Write .to_html(), .to_json() or .to_pandas()
  of the evaluation
save_program: Leave it out: the graph and the signatures are in the file
modules_to_serialize: Leave it out: steps are given to weft.load(steps=[...])
allow_pickle: Leave it out: a file is data, and nothing is pickled
base_url: Write api_base=...
model_type: Leave it out: chat is what is spoken
top_k min_p top_a typical_p min_tokens repetition_penalty length_penalty ignore_eos
  chat_template_kwargs guided_json guided_regex thinking service_tier: Write
  weft.LM(..., extra={"{}": ...})
extra_body: Write weft.LM(..., extra={...})
extra_headers default_headers: Write weft.LM(..., headers={...})
response_format: Leave it out: a module asks for its outputs' schema by itself where
  the endpoint obeys one; weft.LM(..., schema_mode=True) says that it does
api_version: Set AZURE_API_VERSION, and write weft.LM("azure/NAME", api_base=...)
organization: Write weft.LM(..., headers={"OpenAI-Organization": "..."})
max_bootstrapped_demos max_labeled_demos max_demos num_rules: Give it to the compiler,
  such as weft.compilers.BootstrapRandomSearch(demos=8, bootstrapped=4), MIPRO(demos=4)
  or SIMBA(demos=4)
minibatch minibatch_size minibatch_full_eval_steps reflection_minibatch_size bsize:
  Leave it out: candidates race on some rows first, and those that are behind go out
program_aware_proposer data_aware_proposer tip_aware_proposer fewshot_aware_proposer
  view_data_batch_size labeled_sample demo_input_field_maxlen: Leave it out: writers see
  the program, rows and failures by themselves
eval_kwargs: Leave it out: concurrency= of weft.compile says how many rows run at once
candidate_selection_strategy component_selector: Leave it out: parents come from the
  front over rows, and each module has its turn
skip_perfect_score perfect_score: Leave it out: only rows that failed are reflected on
add_format_failure_as_feedback: Leave it out: a reply that cannot be read is shown to
  the writer with its error
instruction_proposer code_proposer: Leave it out: who writes is
  weft.use(lms={"proposer": ...}), and `weft steer RUN --hint "..."` tells it something
use_merge max_merge_invocations: Write weft.compilers.GEPA(merges=1)
wandb_api_key wandb_init_kwargs: Read result.report.to_json()
track_best_outputs warn_on_score_mismatch: Leave it out: what was tried stands in
  result.report.tried, and a metric is called once for score and feedback
gepa_kwargs few_shot_bootstrap_args optimizer_compile_args: Write the settings into the
  compiler itself
temperature_for_candidates: Write weft.compilers.SIMBA(temperature=0.2)
strategy optimizers: Write compiler=weft.compilers.Sequence(of=(...))
valset_ratio shuffle_trainset_between_steps: Leave it out: rows are split by content;
  rows of your own are val=
enable_disk_cache enable_memory_cache caching: Write weft.configure(cache=None) for no
  cache, or cache="folder"
disk_cache_dir: Write weft.configure(cache="folder")
disk_size_limit_bytes memory_max_entries: Leave it out: nothing is dropped unasked, and
  the command `weft cache prune` makes room
restrict_pickle safe_types allow_unsafe_lm_state: Leave it out: nothing is pickled, and
  a file holds no endpoint
stream_listeners send_stream: Leave it out, and match the events of
  program.stream(...)
allow_tool_async_sync_conversion experimental warn_on_type_mismatch: Leave it out: there
  is nothing to switch on
max_history_size max_trace_size disable_history: Leave it out: no history is kept;
  program.run(...).trace is of one run
usage_tracker: Read program.run(...).trace.usage
cache_control_injection_points: Write weft.LM(..., extra={"{}": ...})
arg_types: Leave it out: the types of a tool are those of its function
arg_desc: Write arguments={"name": "what it is"}
launch_kwargs: Leave it out: weft.LM("local/smollm2") starts a server by itself
finetuning_model train_kwargs: Leave it out: models are tuned by weft.compilers.LoRA()
use_developer_role drop_params: Leave it out: weft sends what the endpoint takes
engine async_engine: Leave it out: who answers hangs on the name; "litellm/..." forces
  litellm
prompt_cache: Leave it out: answers are kept, and weft.use(cache=...) says where
stream: Write program.stream(...)
callbacks: Write weft.configure(hooks=[...]) or `with weft.use(hooks=[...]):`
tools functions: Give tools to an agent: weft.ReAct("question -> answer", tools=[...])
signature: Make another module of it: weft.Predict(signature)
verify: Leave it out: where something is fetched, certificates are checked
enable_network_access enable_read_paths enable_write_paths enable_env_vars sync_files
  deno_command: Leave it out: code in it reaches nothing but functions that you pass,
  weft.Sandbox().run(code, functions=[...])
reduce_fn: Leave it out: the majority's answer is taken; for another rule write
  weft.Ensemble([...], reduce=...)
size: Of an ensemble: give fewer programs, such as result.best(3)
provider: Write it into the name: weft.LM("provider/name")
n: Ask again under `with weft.use(sample=1):`, then 2, 3, ...
config: Write module.with_(sampling={...})
instructions: Write it second: weft.Predict("question -> answer", "Be brief.")
rationale_field rationale_field_type: The field is `reasoning`, a text; for another
  write it into the signature of a weft.Predict, first of its outputs
choices: Write them as the type: Literal["yes", "no"]
type: Write the type behind the colon: answer: int = weft.Output()
prefix: The field's name is what the model sees; describe it in words
verbose display_progress: Leave it out: `weft watch RUN` shows a compile, and a bar is
  drawn where progress=True stands
num_candidate_programs num_candidates: Give a budget to weft.compile, such as
  budget='500 calls'; BootstrapRandomSearch(candidates=16) and MIPRO(candidates=...)
  take a number too
multitask: Leave it out: each module has updates of its own over one model, and
  LoRA(module="...") trains one
exclude_demos: Leave it out: a module is trained with the prompt that it shows; write
  module.with_(demos=[]) for one without demos
callback_metadata: Leave it out: a hook gets the finished node, and a dict that it gives
  back is noted in the node's facts
fail_count: Leave it out: a reply that cannot be used is no candidate, and other errors
  end the call
[meant option]
trainset: train rows
valset: val rows
devset: rows val
dataset examples data: rows train
num_threads max_workers: concurrency
display_progress verbose: progress
student: program
optimizer: compiler
max_bootstrapped_demos: bootstrapped demos
max_labeled_demos k: demos
num_candidate_programs num_candidates: candidates
num_trials: trials
metric_threshold: passing
desc: description
instructions: instruction
model: lm
base_url: api_base
callbacks: hooks
custom_types: types
log_dir: run_dir
minibatch_size batch_size: batch
N M: n
reward_fn: reward
reduce_fn: reduce
extra_body: extra
extra_headers default_headers: headers
max_completion_tokens max_new_tokens max_output_tokens num_predict: max_tokens
reasoning: reasoning_effort
url: api_base
type_: kind
messages: turns
download: fetch
mime_type mimetype: media_type
tools: functions steps
"""
# A section for each kind, "names: remedy" in lines that go on indented; {} is the name.
# [meant option] holds options that may be meant, the likeliest first.


def remedy(kind: str, name: str, known: Iterable[str]) -> str:
    """What to write instead of a name, or empty.

    Args:
        kind: Of what lacks it: package, compiler, metric, member, result, signature,
            model, response, history, media, tool, sandbox, type, call, row,
            report, node, events, event, demo, ledger, hook or option.
        name: The name.
        known: The names that are there.

    >>> remedy("member", "forward", [])
    'Call it like a function'
    >>> remedy("option", "num_threads", ["rows", "concurrency"])
    "Did you mean 'concurrency'?"
    """
    there = list(known)
    for meant in section(f"meant {kind}").get(name, "").split():
        if meant in there:
            return f"Did you mean {meant!r}?"
    said = section(kind).get(name, "")
    return section("compiler").get(name, "") if kind == "package" and not said else said


def section(kind: str) -> Mapping[str, str]:
    """The remedies of one kind of thing, by name."""
    return _sections().get(kind, {})


@cache
def _sections() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in _TABLE.replace("\n  ", " ").strip().splitlines():
        if line.startswith("["):
            found[line[1:-1]] = {}
            continue
        names, _, said = line.partition(": ")
        for name in names.split():
            [*found.values()][-1][name] = said.replace("{}", name)
    return found
