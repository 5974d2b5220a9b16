/** A thread of the CPU engine: crew.ts hands it shards. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import { serve, type WorkerData } from './crew.js'
import { startKernels } from './kernels.js'
import type { ShardPlan } from './plan.js'
import { Program } from './program.js'

const { control, memory, module, layout, places, plans } = workerData as WorkerData
const program = new Program(layout, memory, await startKernels(module, memory), places)
const known = new Map<number, ShardPlan>()

serve(new Int32Array(control), (id) => {
  while (!known.has(id)) {
    const received = receiveMessageOnPort(plans)
    if (received === undefined) throw new Error(`no plan ${id}`)
    const plan: ShardPlan = received.message
    known.set(plan.id, plan)
  }
  program.gradient(known.get(id)!)
})
plans.close()
