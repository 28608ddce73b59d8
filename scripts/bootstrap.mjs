// The entry of every npm script: checks the machine, installs what is missing, runs the command in Node 24.
// This file alone must be readable by any Node that knows modules, so that an old one gets a sentence.
var nodeMajor = Number(process.versions.node.split('.')[0]);
if (nodeMajor < 18) {
  console.error(
    'millrace: this is Node ' + process.versions.node + '; Node 18 or newer is needed to set up.',
  );
  console.error(
    'Remedy: install a current Node (nodejs.org, or your package manager) and run the command again.',
  );
  process.exit(1);
} else {
  void import('./bootstrap/main.mjs').then(function (bootstrap) {
    return bootstrap.main(process.argv.slice(2));
  });
}
