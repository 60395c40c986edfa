#!/usr/bin/env node
// Old versions of Node.js read this file too, and get a sentence instead of a SyntaxError: nothing new may stand in it.
const [major, minor] = process.versions.node.split('.').map(Number);
const main = new URL('../dist/main.js', import.meta.url).href;

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`kvorum server needs Node.js 20.19 or newer, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else {
  import(main).then(undefined, (error) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || error.url !== main) throw error;
    process.stderr.write(
      'kvorum server is not built yet: run "npm run build" in the top directory of the checkout first\n',
    );
    process.exitCode = 1;
  });
}
