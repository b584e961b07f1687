#!/usr/bin/env node
/** The entry of `effect-inet`: what it compiles is cached, so the next start is quicker. */
import { enableCompileCache } from "node:module"

enableCompileCache()
const { run } = await import("./NodeMain.ts")
run(process.argv.slice(2))
