/**
 * Tests of ports on sockets of this host. Scans of many ports use threads, since opening a connection takes the system
 * and Node some 20 us.
 */
import * as Os from "node:os"
import * as Util from "node:util"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as NodeDescriptorBudget from "../../network/node/NodeDescriptorBudget.ts"
import * as NodeModuleUrl from "../../process/NodeModuleUrl.ts"
import * as Message from "./NodeConnectMessage.ts"
import * as NodeTcpConnects from "./NodeTcpConnects.ts"
import * as NodeUdpTests from "./NodeUdpTests.ts"
import { type Answer, PortTest, type Tests, type Transport } from "./PortTest.ts"

/** Options of the layer. @category models @since 0.1.0 */
export interface Options {
  /** Threads for a scan of many TCP ports. Default: one for each processor, 2 at most. */
  readonly threads?: number | undefined
  /** TCP tests from which threads are started. Default 8,192: below, starting them takes longer than they save. */
  readonly minThreadedTests?: number | undefined
  /** Tests over `node:net` instead of libuv's handles, as where Node has none. Default false. */
  readonly documentedSockets?: boolean | undefined
}

/** The most tests at a time without a limit of descriptors: more lose answers even on a fast network. */
const maxTests = 4_096

/** Opens tests in this thread. The answers of one turn of the event loop are passed on together. */
const inThread = (transport: Transport, onAnswers: (answers: ReadonlyArray<Answer>) => void, withHandles: boolean) => {
  let answers: Array<Answer> = []
  let isScheduled = false
  const flush = () => {
    isScheduled = false
    const taken = answers
    answers = []
    if (taken.length > 0) onAnswers(taken)
  }
  const onAnswer: NodeTcpConnects.OnAnswer = (id, outcome, rttMillis) => {
    answers.push({ id, outcome, rttMillis })
    if (!isScheduled) setImmediate(flush)
    isScheduled = true
  }
  const sockets =
    transport === "tcp"
      ? NodeTcpConnects.make(Util.getSystemErrorName, onAnswer, withHandles)
      : NodeUdpTests.make(onAnswer)
  const tests: Tests = {
    start: sockets.start,
    cancel: (ids) => {
      for (const id of ids) sockets.cancel(id)
    },
    // The first turn polls the sockets; the second one comes after their callbacks.
    settle: Effect.callback<void>((resume) => {
      setImmediate(() =>
        setImmediate(() => {
          flush()
          resume(Effect.void)
        })
      )
    })
  }
  return { tests, closeAll: sockets.closeAll }
}

const threadUrl = NodeModuleUrl.sibling(import.meta.url, "NodeConnectThread")

/** A thread that connects. */
interface ConnectThread {
  readonly worker: Worker
  isReady: boolean
  readonly post: (message: Message.ToThread) => void
}

const startThread = (onMessage: (message: Message.FromThread) => void, onEnd: (thread: ConnectThread) => void) => {
  // Of this process's options only those of its own module matter: a thread needs no more.
  const worker = new Worker(threadUrl, { execArgv: [], stdin: false })
  const thread: ConnectThread = {
    worker,
    isReady: false,
    post: (message) => worker.postMessage(message)
  }
  worker.on("online", () => {
    thread.isReady = true
  })
  worker.on("message", onMessage)
  worker.on("error", () => onEnd(thread))
  worker.on("exit", () => onEnd(thread))
  return thread
}

/**
 * Opens tests in threads. Until these are ready, and if they end, the tests run in this thread: tests of a thread that
 * has ended are not answered, and the scan repeats them.
 */
const inThreads = (count: number, onAnswers: (answers: ReadonlyArray<Answer>) => void, withHandles: boolean) => {
  const own = inThread("tcp", onAnswers, withHandles)
  let threads: ReadonlyArray<ConnectThread> = []
  const owners = new Map<number, ConnectThread>()
  const settling = new Map<number, { missing: number; readonly done: () => void }>()
  let settleNumber = 0
  let nextThread = 0
  const onSettled = (number: number) => {
    const waiting = settling.get(number)
    if (waiting === undefined || --waiting.missing > 0) return
    settling.delete(number)
    waiting.done()
  }
  const onMessage = (message: Message.FromThread) => {
    if (message._tag === "Settled") return onSettled(message.number)
    for (const id of message.ids) owners.delete(id)
    onAnswers(
      message.ids.map((id, index) => ({ id, outcome: message.outcomes[index]!, rttMillis: message.rttMillis[index] }))
    )
  }
  const onEnd = (ended: ConnectThread) => {
    if (!threads.includes(ended)) return
    threads = threads.filter((thread) => thread !== ended)
    for (const number of [...settling.keys()]) onSettled(number)
  }
  threads = Array.from({ length: count }, () => startThread(onMessage, onEnd))
  const ready = () => threads.filter(({ isReady }) => isReady)
  const tests: Tests = {
    start: (probes) => {
      const able = ready()
      if (able.length === 0) return own.tests.start(probes)
      const share = Math.ceil(probes.length / able.length)
      for (let from = 0; from < probes.length; from += share) {
        const part = probes.slice(from, from + share)
        const thread = able[nextThread++ % able.length]!
        for (const { id } of part) owners.set(id, thread)
        thread.post(Message.start(part))
      }
    },
    cancel: (ids) => {
      own.tests.cancel(ids)
      for (const thread of threads) {
        const theirs = ids.filter((id) => owners.get(id) === thread)
        if (theirs.length > 0) thread.post({ _tag: "Cancel", ids: theirs })
      }
      for (const id of ids) owners.delete(id)
    },
    settle: Effect.andThen(
      own.tests.settle,
      Effect.callback<void>((resume) => {
        const able = ready()
        if (able.length === 0) return resume(Effect.void)
        const number = settleNumber++
        settling.set(number, { missing: able.length, done: () => resume(Effect.void) })
        for (const { post } of able) post({ _tag: "Settle", number })
        return Effect.sync(() => void settling.delete(number))
      })
    )
  }
  const closeAll = async () => {
    own.closeAll()
    const all = threads
    threads = []
    await Promise.all(all.map(({ worker }) => worker.terminate()))
  }
  return { tests, closeAll }
}

const make = (options: Options) => {
  const { documentedSockets = false, minThreadedTests = 8_192 } = options
  const { threads = Math.min(2, Os.availableParallelism()) } = options
  const budget = NodeDescriptorBudget.make()
  const open = (
    transport: Transport,
    onAnswers: (answers: ReadonlyArray<Answer>) => void,
    expectedTests: number
  ): Effect.Effect<Tests, never, Scope.Scope> => {
    const isThreaded = transport === "tcp" && threads > 1 && expectedTests >= minThreadedTests && !documentedSockets
    return Effect.map(
      Effect.acquireRelease(
        Effect.sync(() =>
          isThreaded
            ? inThreads(threads, onAnswers, !documentedSockets)
            : inThread(transport, onAnswers, !documentedSockets)
        ),
        ({ closeAll }) => Effect.promise(async () => closeAll())
      ),
      ({ tests }) => tests
    )
  }
  return PortTest.of({ open, maxConcurrency: () => Math.max(1, Math.min(maxTests, budget.available())) })
}

/** Tests ports on sockets of this host, with these options. @category layers @since 0.1.0 */
export const layerWith = (options: Options): Layer.Layer<PortTest> => Layer.sync(PortTest, () => make(options))

/** Tests ports on sockets of this host. @category layers @since 0.1.0 */
export const layer: Layer.Layer<PortTest> = layerWith({})
