/** The command `downhill`: its words, its flags, its exit codes. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { STRATEGIES } from '../plan/program.ts';
import { SAMPLERS } from '../spec/spec.ts';
import { HEADERS, SPLITS } from './data.ts';
import { EXIT, exitCodeOf, toFailure } from './errors.ts';
import { crossValidation, type FoldsFlags } from './folds/command.ts';
import { info, type PlanFlags, showPlan, version } from './inspect.ts';
import { list } from './list.ts';
import { evaluate, type ModelFlags, predict } from './model.ts';
import { Output, tolerateClosedPipe } from './output.ts';
import { BACKENDS } from './runner.ts';
import { sweep } from './sweep/command.ts';
import { parseHalving, type SweepFlags } from './sweep/flags.ts';
import { DEFAULT_GRID, DEFAULT_TRIALS, MAX_SEED, parseRange, type Searched } from './sweep/search.ts';
import { type TrainFlags, train } from './train.ts';

const METRICS_WORDS =
  'what else evaluations tell: topK:3, precision, recall, f1, f1:micro, confusion, auc, r2, mae, rmse, with commas between';
/** Steps between two `step` events. */
const LOG_EVERY = 10;
const TRAIN_EXAMPLES = `
Examples:
  from large files   downhill train --data csv:night.csv --stream --shuffle-buffer 100000 --holdout 2000
  keep the run       downhill train --data digits --epochs 50 --checkpoint runs/night --checkpoint-every 500
  go on with it      the same line and --resume: the model will have the bits of a run that was never interrupted
  take it further    downhill train --data digits --epochs 80 --checkpoint runs/night --resume
`;
const SWEEP_EXAMPLES = `
Examples:
  64 draws, each with 4 seeds   downhill sweep --data spirals --learning-rate log:1e-4..1e-1 --trials 64 --seeds 4
  every combination             downhill sweep --data digits --learning-rate log:1e-4..1e-1 --weight-decay 0,1e-3 --grid 5
  seeds alone                   downhill sweep --data moons --seeds 20
  keep it, go on with it        downhill sweep … --checkpoint runs/search --checkpoint-every 500, then the same line and --resume
`;
const FOLDS_EXAMPLES = `
Examples:
  classes    downhill cross-validate --data csv:iris.csv --model 4-16-3 --folds 5 --stratified --epochs 60
  numbers    downhill cross-validate --data csv:abalone.csv --folds 10
`;
/** Lines of a sweep's table. */
const TOP = 10;

/** Runs the command with what stands behind its name; resolves with the exit code. Never rejects. */
export async function main(argv: readonly string[]): Promise<number> {
  tolerateClosedPipe();
  const output = new Output(argv.includes('--json'));
  let code: number = EXIT.done;
  let begun = false;
  const started = () => {
    begun = true;
  };
  const program = commands((work) => async (output: Output) => {
    code = await work(output, started);
  })(output);
  try {
    // The catalogue is also asked for by a flag.
    const asked = argv.find((word) => word !== '--json') === '--list';
    const words = asked ? ['list', ...argv.filter((word) => word !== '--list')] : [...argv];
    await program.parseAsync(words, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.done;
      output.event({ event: 'error', code: 'cli/usage', message: error.message.replace(/^error: /, '') });
      return EXIT.usage;
    }
    const failure = toFailure(error);
    output.say(`downhill: ${failure.message}`);
    if (failure.code === 'internal' && process.env.DEBUG && error instanceof Error) output.say(String(error.stack));
    output.event({ event: 'error', ...failure });
    return begun ? EXIT.failed : exitCodeOf(error);
  }
}

type Work = (output: Output, started: () => void) => Promise<number>;
type Wrap = (work: Work) => (output: Output) => Promise<void>;

/** The commands; `wrap` keeps the exit code of what they do. */
const commands = (wrap: Wrap) => (output: Output) => {
  const program = new Command('downhill');
  const act = (work: Work) => wrap(work)(output);
  program
    .description('Trains small neural networks on the GPU.')
    .version(version())
    .option('--list', 'the same as the command list')
    .exitOverride()
    .showHelpAfterError('(downhill --help tells more)')
    .configureOutput({
      writeOut: (text) => process.stdout.write(text),
      writeErr: (text) => process.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, 'downhill:')),
    });
  const command = (name: string, words: string) => {
    const sub = program.command(name).description(words);
    sub.addOption(new Option('--json', 'write only JSON to standard output'));
    return sub;
  };

  const trained = validationOptions(streamOptions(dataOptions(command('train', 'train a model'), true)));
  reportOptions(checkpointOptions(runOptions(numberOptions(specOptions(trained)))))
    .addHelpText('after', TRAIN_EXAMPLES)
    .action((flags: TrainFlags) => act((out, started) => train(flags, out, started)));

  const swept = dataOptions(command('sweep', 'train many models side by side, keep the best'), true);
  checkpointOptions(runOptions(searchOptions(specOptions(swept))))
    .addHelpText('after', SWEEP_EXAMPLES)
    .action((flags: SweepFlags) => act((out, started) => sweep(flags, out, started)));

  placeOptions(
    foldsOptions(
      numberOptions(
        specOptions(command('cross-validate', 'train one model a fold, test each on the rows it never saw')),
      ),
    ),
    true,
  )
    .addHelpText('after', FOLDS_EXAMPLES)
    .action((flags: FoldsFlags) => act((out, started) => crossValidation(flags, out, started)));

  for (const [name, words, run] of [
    ['evaluate', 'print loss and metrics of a saved model on data', evaluate],
    ['predict', 'print what a saved model predicts, one row a line', predict],
  ] as const) {
    const sub = placeOptions(command(name, words).argument('<model>', 'a model file'), true).addOption(backendOption());
    sub.option('--averaged', 'by the moving averages of the weights, which train --ema keeps');
    if (name === 'evaluate') sub.option('--metrics <list>', `${METRICS_WORDS} (default: the model’s)`);
    if (name === 'predict') sub.option('--probabilities', 'print probabilities instead of class names');
    sub.action((file: string, flags: ModelFlags) => act((out, started) => run(file, flags, out, started)));
  }

  numberOptions(specOptions(dataOptions(command('plan', 'print what a training step is compiled to'), false))).action(
    (flags: PlanFlags) => act((out) => showPlan(flags, out)),
  );
  command(
    'list',
    'print every layer, activation, loss, metric, optimizer, schedule, initialiser and built-in set with its options',
  ).action(() => act((out) => list(out)));
  command('info', 'print versions and the adapters that can be had').action(() => act((out) => info(out)));
  return program;
};

/** Where data come from. */
function placeOptions(command: Command, needed: boolean): Command {
  const words =
    'csv:FILE, parquet:FILE, idx:IMAGES,LABELS, npy:X,Y, or a built-in set: digits, rings:500, rings:500,classes=4';
  return command
    .addOption(new Option('--data <source>', words).makeOptionMandatory(needed))
    .option('--target <column>', 'the column to predict, by name or index from 0 (default: the last)')
    .option('--sample-weight <column>', 'the column of a table with the weights of rows, which is no input then')
    .addOption(new Option('--header <answer>', 'whether a CSV file has a header').choices(HEADERS).default('auto'))
    .option(
      '--data-seed <n>',
      'of a built-in set and of the split: all seeds of a model share their test rows',
      whole(0),
      0,
    );
}

const dataOptions = (command: Command, needed: boolean): Command =>
  placeOptions(command, needed)
    .option('--holdout <n>', 'rows kept for the test: a number, a fraction, or 0 (default: 0.2)', holdout)
    .addOption(new Option('--split <how>', 'which rows those are (default: by the kind of data)').choices(SPLITS));

/** Data that stay in their files. */
const streamOptions = (command: Command): Command =>
  command
    .option(
      '--stream',
      'read files in ranges while the model trains: they may be larger than memory; the test rows are the last (default: none)',
    )
    .option('--shuffle-buffer <n>', 'rows of a stream that are shuffled among each other (default: 64 MiB)', whole(1));

/** What is trained, and how. */
const specOptions = (command: Command): Command =>
  command
    .option(
      '--model <form>',
      'widths and layers such as 784-128-10 or 784-128-batchNorm-dropout:0.2-10, a spec in JSON, or a JSON file',
    )
    .option('--loss <loss>', 'a name, or an object in JSON (default: by the data)')
    .option('--optimizer <optimizer>', 'a name, or an object in JSON (default: adam)')
    .option('--schedule <schedule>', 'a name, or an object in JSON (default: constant)')
    .option('--l1 <x>', 'penalty x · Σ|w| on all weights (default: none)', notNegative)
    .option('--l2 <x>', 'penalty x · Σw² on all weights (default: none)', notNegative)
    .option('--ema <x>', 'keep moving averages of the weights with this momentum, such as 0.999', notNegative)
    .option('--batch-size <n>', 'rows of an update, or full (default: 32)', batchSize)
    .option('--epochs <n>', 'passes over the training rows (default: 10)', whole(0))
    .option('--steps <n>', 'updates, instead of --epochs', whole(0))
    .option('--seed <n>', 'of weights and sampling (default: 0)', whole(0))
    .option('--class-weight <weights>', 'how much rows of a class count in training: balanced, or 0:1,1:5 (default: 1)')
    .option('--mask-targets', 'rows of a table may lack their target, and do not count then (default: an error)')
    .option(
      '--non-finite <policy>',
      'what NaN and infinity lead to: stop (default), skip, rollback, or an object in JSON',
    )
    .option('--clip-value <x>', 'hold every value of a gradient between −x and x', notNegative)
    .option('--clip-norm <x>', 'shorten the gradient of a tensor to this norm', notNegative)
    .option('--global-clip-norm <x>', 'shorten the gradients of all tensors together to this norm', notNegative)
    .option('--max-norm <x>', 'the largest norm of the weights into a unit, after every update', notNegative)
    .option('--gradient-norms', 'tell the norms of gradients and updates with every step')
    .option('--metrics <list>', METRICS_WORDS)
    .option('--accumulate <n>', 'mini-batches of an update, whose gradients are summed (default: 1)', whole(1))
    .addOption(new Option('--precision <name>', 'of activations and products (default: f32)').choices(['f32', 'mixed']))
    .addOption(new Option('--sampler <name>', 'how rows are drawn (default: shuffle)').choices(SAMPLERS))
    .addOption(new Option('--strategy <name>', 'how steps are compiled').choices(['auto', ...STRATEGIES]))
    .option('--no-tune', 'fixed variants of the kernels instead of the fastest by a short measurement')
    .option('--steps-per-submit <n>', 'updates of one submit (default: adaptive)', whole(1));

/** What judges the epochs of a training. */
const validationOptions = (command: Command): Command =>
  command
    .option(
      '--validation-split <n>',
      'training rows held out to judge every epoch: a number or a fraction (default: none)',
      holdout,
    )
    .option('--stratified', 'the same share of every class among them')
    .addOption(
      new Option(
        '--early-stopping [epochs]',
        'end after so many epochs that are no better, with the best weights (default: 5); or an object in JSON',
      ).preset('5'),
    );

/** The numbers that a sweep searches, as one model has them. */
const numberOptions = (command: Command): Command =>
  command
    .option('--learning-rate <x>', 'learning rate (default: the optimizer’s)', notNegative)
    .option('--weight-decay <x>', 'weight decay (default: the optimizer’s)', notNegative)
    .option('--momentum <x>', 'momentum of sgd and rmsprop (default: 0)', notNegative);

/** The same numbers as ranges, and how they are searched. */
const searchOptions = (command: Command): Command =>
  command
    .option('--learning-rate <range>', 'a number, a list 1e-3,1e-2, or a range log:1e-4..1e-1', range('learningRate'))
    .option('--weight-decay <range>', 'the same for the weight decay', range('weightDecay'))
    .option('--momentum <range>', 'the same for the momentum of sgd and rmsprop: lin:0.5..0.95', range('momentum'))
    .option('--trials <n>', `draw n configurations (default: ${DEFAULT_TRIALS} where there are ranges)`, whole(1))
    .option('--grid [k]', `every combination, k points of a range (default: ${DEFAULT_GRID})`, whole(2))
    .option('--search-seed <n>', 'of the draws', whole(0, MAX_SEED), 0)
    .option('--seeds <n>', 'train each configuration with n seeds, from --seed on', whole(1), 1)
    .option('--halving <every[:keep]>', 'every so many steps only this share of models goes on (0.5)', parseHalving)
    .option('--top <n>', 'lines of the table', whole(1), TOP);

const range = (name: Searched) => (text: string) => parseRange(text, name);

/** Which rows are held out, where it runs, and what it leaves behind. */
const foldsOptions = (command: Command): Command =>
  command
    .option('--folds <n>', 'parts of the rows, each held out once', whole(2, 65_535), 5)
    .option('--stratified', 'the same share of every class in every fold')
    .addOption(backendOption())
    .option('--log-every <n>', 'write a step event every n steps', whole(1), LOG_EVERY)
    .option('--out <folder>', 'where history, predictions and report go (default: runs/<time>)')
    .addOption(reportOption('predictions'));

/** Where it runs, and what it leaves behind. */
const runOptions = (command: Command): Command =>
  command
    .option('--init <file>', 'start from the weights in this safetensors file')
    .addOption(backendOption())
    .option('--log-every <n>', 'write a step event every n steps', whole(1), LOG_EVERY)
    .option('--out <folder>', 'where the model, history and report go (default: runs/<time>)');

const reportOption = (beside: string) =>
  new Option('--report <file>', `where the report goes, one HTML file (default: report.html beside the ${beside})`);

/** How a run is shown. */
const reportOptions = (command: Command): Command =>
  command
    .addOption(reportOption('model'))
    .addOption(
      new Option('--watch [port]', 'show the report in a browser while it is made')
        .preset('0')
        .argParser(whole(0, 65_535)),
    );

/** How a run is kept while it trains, and gone on with. */
const checkpointOptions = (command: Command): Command =>
  command
    .option('--checkpoint <folder>', 'keep the run there while it trains, and as it stands when it ends or is stopped')
    .option('--checkpoint-every <n>', 'updates between two checkpoints (default: an epoch)', whole(1))
    .option('--keep <n>', 'how many of the last checkpoints stay (default: 2)', whole(1))
    .option('--keep-best', 'also keep best.safetensors, the model after the epoch with the lowest (validation) loss')
    .option(
      '--resume [from]',
      'go on from a checkpoint, a folder’s last, or that of --checkpoint; --steps and --epochs count from the start of the run',
    );

const backendOption = () =>
  new Option('--backend <name>', 'what it runs on; auto takes a real GPU or the CPU').choices(BACKENDS).default('auto');

/** A whole number of at least `min`, at most `max`. */
const whole =
  (min: number, max = Number.MAX_SAFE_INTEGER) =>
  (text: string) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const words = max === Number.MAX_SAFE_INTEGER ? `≥ ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Expected an integer ${words}.`);
  };

function notNegative(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a number ≥ 0.');
}

function holdout(text: string): number {
  const value = notNegative(text);
  if (value < 1 || Number.isInteger(value)) return value;
  throw new InvalidArgumentError('Expected a number of rows, a fraction below 1, or 0.');
}

const batchSize = (text: string): number | 'full' => (text === 'full' ? text : whole(1)(text));
