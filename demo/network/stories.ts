/** Settings that each show one thing. What a story leaves out is as in `USUAL`. */

export interface Story {
  title: string;
  /** What one sees. */
  text: string;
  settings: Readonly<Record<string, string>>;
}

export const USUAL: Readonly<Record<string, string>> = {
  problem: 'spirals',
  rows: '250',
  noise: '0.03',
  hidden: '8-8',
  activation: 'relu',
  initializer: 'default',
  scale: '1',
  optimizer: 'adam',
  learningRate: '0.01',
  schedule: 'constant',
  batchSize: '32',
  seed: '1',
};

const deep = '8-8-8-8-8-8';

export const STORIES: Readonly<Record<string, Story>> = {
  spirals: {
    title: 'Two spirals',
    text: 'Each neuron of the first layer draws one straight edge; the next layers cut and join them until the arms are apart.',
    settings: { hidden: '12-12', activation: 'tanh' },
  },
  line: {
    title: 'One line is not enough',
    text: 'Without a hidden layer a network can only draw a straight border, and no line separates opposite corners. Add a layer with +.',
    settings: { problem: 'xor', hidden: '', noise: '0.05' },
  },
  vanishing: {
    title: 'Vanishing gradients',
    text: 'Six layers of sigmoids: each makes the gradient smaller on its way back, so that the first layer hardly learns. See ‖∇‖ below the layers.',
    settings: {
      problem: 'moons',
      noise: '0.1',
      hidden: deep,
      activation: 'sigmoid',
      optimizer: 'sgd',
      learningRate: '0.3',
    },
  },
  relu: {
    title: '… and how to keep them',
    text: 'The same depth with ReLU and He’s initial weights: the gradient reaches the first layer in full, and plain descent learns.',
    settings: {
      problem: 'moons',
      noise: '0.1',
      hidden: deep,
      activation: 'relu',
      initializer: 'heNormal',
      optimizer: 'sgd',
      learningRate: '0.03',
    },
  },
  exploding: {
    title: 'Exploding gradients',
    text: 'Initial weights three times too large: every layer multiplies the gradient, and one step throws the weights far away.',
    settings: {
      problem: 'moons',
      noise: '0.1',
      hidden: deep,
      activation: 'relu',
      initializer: 'heNormal',
      scale: '3',
      optimizer: 'sgd',
      learningRate: '0.03',
    },
  },
  zeros: {
    title: 'All weights zero',
    text: 'Neurons that start alike get alike gradients and stay alike for ever: here none learns at all. Random weights break the tie.',
    settings: { problem: 'moons', noise: '0.1', hidden: '8-8', activation: 'tanh', initializer: 'zeros' },
  },
  overfit: {
    title: 'Learning by heart',
    text: 'Few, noisy points and many weights: the loss on the points falls to nothing, and the loss on unseen ones rises.',
    settings: { problem: 'moons', noise: '0.35', rows: '50', hidden: '32-32', learningRate: '0.01', batchSize: '16' },
  },
  schedule: {
    title: 'A learning-rate schedule',
    text: 'A large rate travels far and never rests. Warm-up and a cosine to zero let the curve settle within 2,000 steps.',
    settings: {
      problem: 'sine',
      noise: '0.1',
      hidden: '16-16',
      activation: 'tanh',
      optimizer: 'momentum',
      learningRate: '0.1',
      schedule: 'warmup',
      batchSize: '8',
    },
  },
};
