/** Entry point of a worker process. If its parent has already ended, it exits before it loads anything else. */
import { enableCompileCache } from "node:module"

process.once("disconnect", () => process.exit())
if (!process.connected) process.exit()
// Ctrl-C in a terminal signals all processes; the parent decides when its workers end.
for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"] as const) process.on(signal, () => {})

enableCompileCache()
const { main } = await import("./NodeServerInProcess.ts")
main()
