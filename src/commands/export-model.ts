import { encodeOnnx } from '../agent/model/onnx.js'
import { usage } from '../base/errors.js'
import { defineCommand } from '../cli/command.js'
import { file } from '../cli/options.js'
import { version } from '../cli/print.js'
import { loadModel } from './wiring/models.js'
import { openOutput } from './wiring/output.js'
import { modelPath } from './wiring/runs.js'

export const exportModel = defineCommand({
  name: 'export-model',
  summary: 'write a model for other runtimes',
  description: [
    'Writes a trained model as an ONNX graph (opset 14). Inputs are observation [batch, 26], of a model of one symbol [batch, 13], and hidden and cell [cells, batch, width], zero at the start of an episode; outputs are logits, value, next_hidden and next_cell. The normaliser is part of the graph.',
    'The mask of actions and the hold prior are not: add jules.hold_prior of the metadata to the logit of the action in force, leave out masked actions, and take the largest. jules.spec names features, interval and the targets of each action.',
  ],
  operands: [
    {
      name: 'MODEL',
      help: 'a run folder, a policy file, model:latest, or model:RUN',
      required: true,
      completes: 'file',
    },
  ],
  options: {
    output: file('write the graph to FILE, which appears whole or not at all', {
      short: 'o',
      defaultText: 'standard output',
    }),
  },
  examples: [{ text: 'The best model of a run', shell: 'jules export-model my-run -o policy.onnx' }],
  exits: {
    65: 'the model is damaged',
    66: 'there is no such model',
    73: 'the output cannot be created',
    74: 'reading or writing failed',
  },
  seeAlso: ['train', 'backtest'],
  run: async (context, given, [path]) => {
    const { output = '-' } = given
    if (output === '-' && context.stdoutIsTTY)
      throw usage('a graph is not for a terminal', { hint: 'use -o FILE, or a pipe' })
    const { model, path: policy } = await loadModel(await modelPath(context, path!))
    const out = await openOutput(context, { format: 'ndjson', output }, [policy])
    try {
      await out.sink.write(encodeOnnx(model, version().trim()))
      await out.done()
    } catch (error) {
      await out.abort()
      throw error
    }
  },
})
