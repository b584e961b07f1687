/** A process that serves the clients handed to it. It has ended before anything else if its parent has. */
import { enableCompileCache } from "node:module"

process.once("disconnect", () => process.exit())
if (!process.connected) process.exit()
// A Ctrl-C in the terminal is everybody's, but how the children end is for the parent to say.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {})

enableCompileCache()
const { main } = await import("./NodeProcessWorker.ts")
main()
