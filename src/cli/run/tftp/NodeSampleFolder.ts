/** What `up` serves by TFTP unless told otherwise: a folder of the package, and nothing of this machine. */
import { fileURLToPath } from "node:url"

/** The package has its sources beside what is compiled from them. */
export const folder = fileURLToPath(new URL("../../../../src/cli/sample", import.meta.url))
