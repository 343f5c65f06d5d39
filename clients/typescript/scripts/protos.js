// Takes the generated messages into the package, which has to be whole wherever it is installed.
import { cpSync, existsSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [source, target] = [here("../../../generated/typescript"), here("../protos")];
// An unpacked package has been built, and has no repository around it.
if (existsSync(source)) {
  rmSync(target, { recursive: true, force: true });
  cpSync(source, target, { recursive: true });
  rmSync(`${target}/package.json`); // The imports of a file are looked up in the package.json that is next to it.
}
