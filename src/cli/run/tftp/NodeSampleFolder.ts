/** The folder that `up` serves by TFTP by default: a part of the package, without files of this machine. */
import { fileURLToPath } from "node:url"
import * as NodePackage from "../../NodePackage.ts"

/** The path of the folder. */
export const folder = fileURLToPath(new URL("src/cli/sample", NodePackage.root))
