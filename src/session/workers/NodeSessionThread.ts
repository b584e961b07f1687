/** A thread that serves clients: what it compiles is cached, so that the next one starts in half the time. */
import { enableCompileCache } from "node:module"

enableCompileCache()
const { main } = await import("./NodeThreadWorker.ts")
main()
