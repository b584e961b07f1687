/** The folder that `up` serves by TFTP by default: a part of the package, without files of this machine. */
import { fileURLToPath } from "node:url"

/** The path of the folder: the package contains its sources beside the compiled files. */
export const folder = fileURLToPath(new URL("../../../../src/cli/sample", import.meta.url))
