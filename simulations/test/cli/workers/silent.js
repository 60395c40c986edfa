// A worker whose runs never end.
process.on('message', () => undefined);
process.send('ready');
