#!/usr/bin/env node
/** Entry point of `effect-inet`. Compiled code is cached, so that the next start is faster. */
import * as Module from "node:module"

// Of all modules only this one may load on a Node that is too old: an import by name would fail there.
if (Module.enableCompileCache === undefined) {
  process.stderr.write(`effect-inet needs Node 22.19 or newer, this is ${process.version}; install a newer Node\n`)
  process.exitCode = 1
} else {
  Module.enableCompileCache()
  // A signal that arrives while the modules load is kept for the command, which decides how it ends.
  const signals = ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const
  const early = new Set<NodeJS.Signals>()
  const keep = (signal: NodeJS.Signals) => void early.add(signal)
  for (const signal of signals) process.on(signal, keep)
  const { run } = await import("./NodeMain.ts")
  run(process.argv.slice(2))
  // Only now: a signal without a listener, if only for a moment, is lost.
  for (const signal of signals) process.off(signal, keep)
  for (const signal of early) process.emit(signal, signal)
}
