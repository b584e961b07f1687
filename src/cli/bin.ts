#!/usr/bin/env node
/** Entry point of `effect-inet`. Compiled code is cached, so that the next start is faster. */
import * as Module from "node:module"

// Of all modules only this one may load on a Node that is too old: an import by name would fail there.
if (Module.enableCompileCache === undefined) {
  process.stderr.write(`effect-inet needs Node 22.19 or newer, this is ${process.version}; install a newer Node\n`)
  process.exitCode = 1
} else {
  Module.enableCompileCache()
  const { run } = await import("./NodeMain.ts")
  run(process.argv.slice(2))
}
