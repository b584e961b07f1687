/** Runs the command line from the sources. */
import "../src/cli/bin.ts"
