/** A thread of the CPU engine: crew.ts hands it parts of minibatches. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import { serve, type WorkerData } from './crew.js'
import { startKernels } from './kernels.js'
import type { BatchPlan } from './plan.js'
import { Program } from './program.js'

const { control, memory, module, native, layout, places, plans } = workerData as WorkerData
const kernels = await startKernels(module, memory, native === null ? null : new URL(native))
const program = new Program(layout, memory, kernels, places)
const known = new Map<number, BatchPlan>()

serve(new Int32Array(control), ({ plan: id, phase }, part, parts) => {
  while (!known.has(id)) {
    const received = receiveMessageOnPort(plans)
    if (received === undefined) throw new Error(`no plan ${id}`)
    const plan: BatchPlan = received.message
    known.set(plan.id, plan)
  }
  program.run(known.get(id)!, phase, part, parts)
})
plans.close()
