#!/usr/bin/env node
/** Entry point of `effect-inet`. Compiled code is cached, so that the next start is faster. */
import { enableCompileCache } from "node:module"

enableCompileCache()
const { run } = await import("./NodeMain.ts")
run(process.argv.slice(2))
