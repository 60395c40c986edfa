// A worker that dies of every second seed.
process.on('message', (task) => {
  if (task.options.seed % 2 === 0) {
    process.stderr.write('out of luck\n', () => process.exit(9));
    return;
  }
  process.send({ complaints: [], traceHash: String(process.pid) });
});
process.send('ready');
