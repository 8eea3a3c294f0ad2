"""Sentiment of a sentence: negative, neutral or positive, learnt from 23,703 sentences with 15 to 99 human ratings each."""
