#!/usr/bin/env node
/** Entry point of `effect-inet`. Compiled code is cached, so that the next start is faster. */
import * as Module from "node:module"

/** Returns whether a command line may be one that loads modules of users: `farm serve` or `farm work`. */
const loadsModules = (args: ReadonlyArray<string>) =>
  args.includes("farm") && (args.includes("serve") || args.includes("work"))

/** Loads the command line. In the package that is the bundle without `effect`, if modules of users need the same. */
const loadMain = (args: ReadonlyArray<string>): Promise<typeof import("./NodeMain.ts")> =>
  loadsModules(args) && import.meta.url.endsWith(".js")
    ? import(new URL("../cli-shared/NodeMain.js", import.meta.url).href)
    : import("./NodeMain.ts")

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
  const args = process.argv.slice(2)
  const { run } = await loadMain(args)
  run(args)
  // Only now: a signal without a listener, if only for a moment, is lost.
  for (const signal of signals) process.off(signal, keep)
  for (const signal of early) process.emit(signal, signal)
}
