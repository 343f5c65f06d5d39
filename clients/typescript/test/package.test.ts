import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL("../../", import.meta.url));

test("the package has what it exports and imports, and nothing of how it is made", () => {
  const arguments_ = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const [packed] = JSON.parse(execFileSync("npm", arguments_, { cwd: FOLDER, encoding: "utf8" })) as [
    { files: { path: string }[] },
  ];
  const files = new Set(packed.files.map(({ path }) => path));
  for (const file of ["README.md", "dist/index.js", "dist/index.d.ts"]) assert.ok(files.has(file), file);
  for (const file of files) {
    assert.match(file, /^(dist|protos)\/|^README\.md$|^package\.json$/);
    if (!/^dist\/.*\.(js|d\.ts)$/.test(file)) continue;
    const source = readFileSync(`${FOLDER}${file}`, "utf8");
    for (const [, name] of source.matchAll(/from "#(protos\/[^"]+)"/g)) {
      const ending = file.endsWith(".d.ts") ? ".d.ts" : ".js";
      assert.ok(files.has(`${name ?? ""}${ending}`), `${file} imports ${name ?? ""}`);
    }
  }
});
