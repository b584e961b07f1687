/** Entry point of a worker thread. Compiled code is cached, so that the next thread starts in half the time. */
import { enableCompileCache } from "node:module"

enableCompileCache()
const { main } = await import("./NodeServerInThread.ts")
main()
