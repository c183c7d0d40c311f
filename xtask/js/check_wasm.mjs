// Compiles and instantiates every wasm file named on the command line, with functions that do nothing for its
// imports. A module that a browser would refuse, or that wants anything but what wasm-bindgen's glue gives,
// ends this with an error. Takes paths; prints a line for each.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

// The glue beside a module is its only source of imports; its name is that of the module.
const expected = (file, module) => module === "wbg" || module === `./${basename(file, ".wasm")}.js`;

const stand_in = {
  function: () => () => undefined,
  memory: () => new WebAssembly.Memory({ initial: 64 }),
  table: () => new WebAssembly.Table({ initial: 128, element: "externref" }),
};

for (const file of process.argv.slice(1)) {
  const module = await WebAssembly.compile(await readFile(file));
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (!expected(file, from)) {
      throw new Error(`${basename(file)} imports ${name} from "${from}", which is not wasm-bindgen's glue`);
    }
    if (!(kind in stand_in)) {
      throw new Error(`${basename(file)} imports the ${kind} ${name}, which not every browser can give`);
    }
    (imports[from] ??= {})[name] = stand_in[kind]();
  }
  await WebAssembly.instantiate(module, imports);
  const count = Object.values(imports).reduce((sum, names) => sum + Object.keys(names).length, 0);
  console.log(`   ${basename(file)} loads; ${count} imports, all from ${Object.keys(imports).join(", ")}`);
}
